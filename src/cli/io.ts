import type { Readable } from 'node:stream'

/** As much of a stream as is written to here; what a terminal is known by. */
export interface Output {
  write (text: string): boolean
  once (event: 'drain', listener: () => void): unknown
  readonly isTTY?: boolean
  /** Of a terminal: characters in a line. */
  readonly columns?: number
}

/** All that a command knows of where it runs: main.ts makes one of `process`, a test one of its own. */
export interface Io {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: Readable & { readonly isTTY?: boolean }
  /** What was asked for. */
  readonly stdout: Output
  /** Everything else: what went wrong, and how far it has come. */
  readonly stderr: Output
  /** Aborted by a signal to end, whose exit code is its reason. */
  readonly signal: AbortSignal
  readonly nodeVersion: string
  /** Becomes a gateway with these settings beside the environment's; from then on nothing else is run here. */
  readonly runGateway: (settings: Readonly<Record<string, string>>) => Promise<void>
}

/** Writes, and waits while the reader is slower: nothing piles up here. */
export async function write (output: Output, text: string): Promise<void> {
  if (output.write(text)) return
  await new Promise<void>((resolve) => { output.once('drain', resolve) })
}
