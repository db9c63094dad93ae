import { cpSync, mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/**
 * An example in a folder of its own, with the package as npm would have installed it: by its package.json, with what
 * was compiled with this file as its dist/.
 */
export function installExample (test: Test, name: string): string {
  const folder = test.testdir()
  cpSync(join(ROOT, 'examples', name), folder, { recursive: true })
  const modules = join(folder, 'node_modules')
  mkdirSync(join(modules, 'tidegate'), { recursive: true })
  mkdirSync(join(modules, '@types'))
  cpSync(join(ROOT, 'package.json'), join(modules, 'tidegate/package.json'))
  symlinkSync(join(ROOT, 'build/src'), join(modules, 'tidegate/dist'))
  for (const other of ['fastify', '@types/node']) symlinkSync(join(ROOT, 'node_modules', other), join(modules, other))
  return folder
}
