// What the scripts around the image share: running a program, and where buildah keeps its images.
import { spawnSync } from 'node:child_process'
import { resolve } from 'node:path'

/** buildah's arguments before its command. @param storage the folder of its images; undefined: the system's */
export function buildahIn (storage) {
  if (storage === undefined) return []
  // vfs copies where others mount: slower, but it works on every file system, a container's too.
  const driver = process.env.STORAGE_DRIVER ?? 'vfs'
  return ['--root', resolve(storage, 'images'), '--runroot', resolve(storage, 'run'), '--storage-driver', driver]
}

/** Runs a program to its end; its output goes to this one's stderr. */
export function run (command, args) {
  check(command, args, spawnSync(command, args, { stdio: ['ignore', 2, 2] }))
}

/** What a program says, without the line's end. */
export function read (command, args, options = {}) {
  const result = spawnSync(command, args, { ...options, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
  check(command, args, result)
  return result.stdout.trim()
}

function check (command, args, { status, error }) {
  if (status === 0) return
  throw new Error(`${command} ${args.join(' ')} failed${error === undefined ? '' : `: ${error.message}`}`)
}
