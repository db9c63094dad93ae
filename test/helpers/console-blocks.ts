import { spawn } from 'node:child_process'
import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeTempFolder, removeTempFolder } from '../../cluster/temp-folder.ts'
import { CLI } from './cli.ts'

/** A command of a document, and what it shows of its output. */
export interface Shown {
  readonly command: string
  readonly output: readonly string[]
  /** After how many of these lines it is ended by a Ctrl-C; undefined where it ends by itself. */
  readonly interruptAt: number | undefined
}

/** The commands of a page's ```console blocks: `$ command`, then its output. */
export function shownIn (page: string): Shown[] {
  return [...page.matchAll(/^```console\n([\s\S]*?)^```$/gm)].flatMap(([, block]) =>
    block!.split(/^\$ /m).slice(1).map((part) => {
      const [command = '', ...lines] = part.trimEnd().split('\n')
      const index = lines.indexOf('^C')
      return { command, output: lines.filter((line) => line !== '^C'), interruptAt: index < 0 ? undefined : index }
    }))
}

/** A folder with `tidegate` in it, for a PATH. */
export async function commandFolder (): Promise<{ path: string, remove: () => Promise<void> }> {
  const folder = await makeTempFolder('bin')
  const bin = join(folder, 'bin')
  await mkdir(bin)
  await writeFile(join(bin, 'tidegate'), `#!/bin/sh\nexec "${process.execPath}" "${CLI}" "$@"\n`)
  await chmod(join(bin, 'tidegate'), 0o755)
  return { path: bin, remove: () => removeTempFolder(folder) }
}

/** Runs it in a shell, both outputs as one; a Ctrl-C comes when as many lines are there as are shown before it. */
export async function runShown ({ command, interruptAt }: Shown, env: NodeJS.ProcessEnv): Promise<string[]> {
  const child = spawn('bash', ['-c', `{ ${command}\n} 2>&1`], { env, stdio: ['ignore', 'pipe', 'inherit'], detached: true })
  let text = ''
  let isTold = false
  for await (const chunk of child.stdout) {
    text += String(chunk)
    if (interruptAt === undefined || isTold || text.split('\n').length <= interruptAt) continue
    isTold = true
    // The whole group, as a terminal does.
    process.kill(-child.pid!, 'SIGINT')
  }
  return text.trimEnd().split('\n')
}

const CHANGING: ReadonlyArray<readonly [RegExp, string]> = [
  [/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '<timestamp>'],
  [/\b\d\d:\d\d:\d\d\b/g, '<time>'],
  [/[\w-]{6,12}\.\d+\.[\w-]{6,16}/g, '<cursor>'],
  [/eyJ[\w-]+\.[\w-]+\.[\w-]+/g, '<token>'],
  [/guest-\w{6}/g, '<guest>'],
  [/\b\d replicas? seen on/g, '<number> seen on'],
  [/replicas seen +\d/g, 'replicas seen <number>'],
  [/gateway-[abc](?:, gateway-[abc])*/g, '<replica>'],
  [/\b[\d.,]+ ms\b/g, '<ms>'],
  [/\b[\d,]+\/s/g, '<rate>'],
  [/"(?:time|port|replicas)":\d+/g, '<number>'],
  [/"(?:\w+(?:PerSecond|Ms)|loopShare|seconds)":[\d.]+/g, '<figure>'],
  [/(delivered\/s +)[\d,]+/g, '$1<rate>'],
  [/ in [\d.]+ s\b/g, ' in <s>'],
  [/ (?:Redis|Node|tidegate) \d+\.\d+\.\d+/g, ' <version>'],
  [/localhost:\d+|127\.0\.0\.1:\d+/g, '<host>']
]

/** What differs from run to run as a word, and columns as one space: two runs are the same text then. */
export function steady (line: string): string {
  return CHANGING.reduce((text, [pattern, word]) => text.replace(pattern, word), line).replace(/ +/g, ' ').trimEnd()
}
