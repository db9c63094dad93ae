import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { makeTempFolder } from '../../cluster/temp-folder.ts'

const SOURCE = fileURLToPath(new URL('../../../bench/peers/floor.c', import.meta.url))

/** Compiles the C program that sends once per delivery. Undefined where there is no compiler, or no epoll. */
export async function compileFloor (): Promise<string | undefined> {
  const program = join(await makeTempFolder('floor'), 'floor')
  const { status } = spawnSync('cc', ['-O2', '-o', program, SOURCE], { stdio: 'ignore' })
  return status === 0 ? program : undefined
}
