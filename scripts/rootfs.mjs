// Runs the image as plain processes, where no container engine works: in buildah's copy of its file system, read-only,
// as the image's user, without privileges, and by the image's own settings. Needs root, Linux and buildah.
//   npm run cluster -- --image tidegate
// Not isolated, unlike a container: the network (that is wanted: replicas and proxy meet on loopback), the process
// ids, and what the machine has of memory and processors.
import { buildahIn, read } from './buildah.mjs'

// Every step ends in exec, and none forks: the process that was spawned becomes the image's own. So any signal,
// SIGKILL and SIGSTOP too, reaches it, and its exit code comes back. (crun passes SIGTERM on; killed, it leaves the
// container behind.) The mounts are seen by this process alone, and end with it. /etc/hosts and /etc/resolv.conf are
// the host's, as engines have them.
const ENTER = `
set -e
mount --bind "$1" "$1"
mount -t proc -o nosuid,nodev,noexec proc "$1/proc"
mount -t tmpfs -o nosuid,noexec,mode=755 dev "$1/dev"
for device in null zero full random urandom; do : > "$1/dev/$device"; mount --bind "/dev/$device" "$1/dev/$device"; done
mount -o remount,ro "$1/dev"
for file in hosts resolv.conf; do : > "$1/etc/$file"; mount --bind "/etc/$file" "$1/etc/$file"; done
mount -o remount,bind,ro "$1"
cd "$1"
pivot_root . .
umount -l .
cd "$2"
unset OLDPWD
user=$3 group=$4
# Until here it led to the programs of this host.
export PATH="$5"
shift 5
exec setpriv --reuid "$user" --regid "$group" --clear-groups --bounding-set -all --inh-caps -all --no-new-privs -- "$@"
`

/**
 * Opens an image: `replica(env)` says what to spawn; `close()` after the last process has ended.
 * @param image its name in buildah's storage
 * @param storage the folder that scripts/image.mjs was given, if it was
 */
export function openImage ({ image = 'tidegate', storage } = {}) {
  const buildah = (...args) => read('buildah', [...buildahIn(storage), ...args])
  const container = buildah('from', '--pull-never', image)
  const root = buildah('mount', container)
  const { Docker: { config } } = JSON.parse(buildah('inspect', container))
  // In numbers, as the Dockerfile has them.
  const [user, group] = config.User.split(':')

  const imageEnv = Object.fromEntries(config.Env.map(toEntry))
  return {
    replica: (env) => enter([...(config.Entrypoint ?? []), ...config.Cmd], env),
    close: () => buildah('rm', container)
  }

  /** What a process of the image is spawned with. Of this process's own environment, it gets nothing. */
  function enter (command, env = {}) {
    const place = [root, config.WorkingDir, user, group, imageEnv.PATH]
    const args = ['--mount', '--ipc', 'sh', '-c', ENTER, 'sh', ...place, ...command]
    return { command: 'unshare', args, env: { ...imageEnv, ...env } }
  }
}

function toEntry (line) {
  const at = line.indexOf('=')
  return [line.slice(0, at), line.slice(at + 1)]
}
