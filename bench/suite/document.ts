import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { toMarkdown } from './markdown.ts'
import { toSvg } from './plot.ts'
import type { Result } from './result.ts'

const DOCS = fileURLToPath(new URL('../../../docs/', import.meta.url))
const METHOD = `Written by \`npm run bench -- --write\`, and by nobody by hand. Tidegate runs as it is built, all its features on and its limits
off, Redis in the path, rooms of kind \`log\` unless said. Beside it, in the same run: Socket.IO with its Redis adapter, a
textbook server (\`ws\`, JSON, Redis' pub/sub; bench/peers/textbook.ts), and the floor, a C program that sends once per delivery
(bench/peers/floor.c; neither Redis nor rooms).

**How it is measured.** Every round starts fresh processes of each server; all are up at once, and their windows of about a second
take turns, because a virtual machine's processors may swap between a fast and a slow state every few seconds: compare best with
best, and medians with medians. A server has a processor to itself, where there are two. The load comes from a process of its own
(bench/load/): raw sockets, a scanner that hops from frame to frame without copying, times taken from some of them, and no sleep between
reads, since to wake a reader makes the sender's writes dearer. CPU is what the scheduler counts for the server's process (the
kernel's work for its sockets included), never wall time. "Generator busy" tells how much of the time the generator had something to do:
near 100 % a rate is its limit rather than the server's. A rate is sustained when a window of 1.2 s at that pace, open loop, ends with
nothing lost and p99 under 100 ms; it has failed when it has failed twice.

Where a bar is not met, [performance-profile.md](performance-profile.md) tells where the time goes, and what was tried.`

/** docs/performance.md, and a plot for each that a result has. */
export function writeDocument (machine: readonly string[], command: string, results: readonly Result[]): string {
  mkdirSync(`${DOCS}performance`, { recursive: true })
  for (const plot of results.flatMap(({ plots }) => plots)) writeFileSync(`${DOCS}performance/${plot.name}.svg`, toSvg(plot))
  const file = `${DOCS}performance.md`
  writeFileSync(file, toDocument(machine, command, results))
  return file
}

function toDocument (machine: readonly string[], command: string, results: readonly Result[]): string {
  return [
    '# Performance',
    METHOD,
    machine.map((line) => `- ${line}`).join('\n'),
    `\`\`\`sh\n${command}\n\`\`\``,
    ...[...results].sort((a, b) => a.id < b.id ? -1 : 1).flatMap((result) => [
      toMarkdown(result), ...result.plots.map(({ name, title }) => `![${title}](performance/${name}.svg)`)
    ])
  ].join('\n\n') + '\n'
}
