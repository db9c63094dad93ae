import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
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
  cpSync(join(ROOT, 'package.json'), join(modules, 'tidegate/package.json'))
  symlinkSync(join(ROOT, 'build/src'), join(modules, 'tidegate/dist'))
  const { dependencies, devDependencies } = readJson(join(folder, 'package.json')) as Dependents
  for (const other of [...Object.keys({ ...dependencies, ...devDependencies }), '@types/node']) {
    if (other === 'tidegate') continue
    mkdirSync(dirname(join(modules, other)), { recursive: true })
    symlinkSync(join(ROOT, 'node_modules', other), join(modules, other))
  }
  return folder
}

type Dependents = Readonly<Record<'dependencies' | 'devDependencies', Readonly<Record<string, string>> | undefined>>

function readJson (file: string): unknown {
  return JSON.parse(readFileSync(file, 'utf8'))
}

/** Where an example is that nothing has to be installed for. */
export function folderOf (name: string): string {
  return join(ROOT, 'examples', name)
}

/** What an example's README says to type, by the order there; `npm install` is left out. */
export function commandsOf (name: string): readonly string[] {
  const readme = readFileSync(join(folderOf(name), 'README.md'), 'utf8')
  return Array.from(readme.matchAll(/^```sh\n([\s\S]*?)\n```$/gm), ([, text]) => text!.replace(/^npm install\n/, ''))
}
