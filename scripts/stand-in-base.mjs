// A stand-in for the official Node image, where no registry of images can be reached: Debian by debootstrap, from the
// mirror that apt uses here, and Node from the npm package that carries its binary. It takes the official image's
// full name, in buildah's storage alone, so the Dockerfile is used as it is. Needs root, and a host on the same Debian.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buildahIn, read, run } from './buildah.mjs'

// What the official slim image leaves out as well, apt's caches, and what debootstrap copies of this host.
const LEFT_OUT = [
  'etc/hostname', 'etc/resolv.conf',
  'usr/share/doc', 'usr/share/man', 'usr/share/locale', 'var/cache/apt', 'var/lib/apt/lists'
]

/** Makes the stand-in. @param image a name such as docker.io/library/node:22.23.3-bookworm-slim */
export function standInBase (image, storage) {
  const [, version, suite] = /node:([0-9.]+)-([a-z]+)-slim$/.exec(image)
  const buildah = (...args) => read('buildah', [...buildahIn(storage), ...args])
  const container = buildah('from', 'scratch')
  const packed = mkdtempSync(join(tmpdir(), 'tidegate-base-'))
  try {
    const root = buildah('mount', container)
    run('debootstrap', ['--variant=minbase', suite, root, mirror(suite)])
    for (const folder of LEFT_OUT) rmSync(join(root, folder), { recursive: true, force: true })
    const local = join(root, 'usr/local')
    unpack(`node-linux-${process.arch}@${version}`, local, packed, 'package/bin')
    // npm's own major for Node 22; the binary's package has none.
    const npm = join(local, 'lib/node_modules/npm')
    mkdirSync(npm, { recursive: true })
    unpack('npm@10', npm, packed, 'package')
    for (const name of ['npm', 'npx']) {
      symlinkSync(`../lib/node_modules/npm/bin/${name}-cli.js`, join(local, 'bin', name))
    }
    run('chroot', [root, 'useradd', '--uid', '1000', '--user-group', '--create-home', '--shell', '/bin/bash', 'node'])
    const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
    buildah('config', '--env', `PATH=${path}`, '--env', `NODE_VERSION=${version}`, '--cmd', 'node', container)
    buildah('commit', '--format', 'docker', container, image)
  } finally {
    buildah('rm', container)
    rmSync(packed, { recursive: true })
  }
}

/** Where apt has the suite from. */
function mirror (suite) {
  const query = ['--format', '$(REPO_URI)', 'Created-By: Packages', `Codename: ${suite}`]
  const [first] = read('apt-get', ['indextargets', ...query]).split('\n')
  if (first === '') throw new Error(`apt has no source of ${suite} here`)
  return first
}

function unpack (name, target, folder, what) {
  const file = read('npm', ['pack', '--silent', '--pack-destination', folder, name])
  const depth = '--strip-components=1'
  run('tar', ['--extract', '--no-same-owner', depth, '--directory', target, '--file', join(folder, file), what])
}
