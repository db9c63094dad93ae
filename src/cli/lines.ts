import type { Readable } from 'node:stream'
import { usage } from './exit.ts'

const MAX_LINE_CHARS = 2 ** 20

/** The lines of a text that comes bit by bit, without their ends; of any length but an absurd one. */
export async function * linesOf (input: Readable, signal: AbortSignal): AsyncGenerator<string> {
  input.setEncoding('utf8')
  const stop = (): void => { input.destroy() }
  signal.addEventListener('abort', stop)
  let rest = ''
  try {
    for await (const chunk of input) {
      const parts = (rest + String(chunk)).split(/\r?\n/)
      rest = parts.pop()!
      yield * parts
      if (rest.length > MAX_LINE_CHARS) throw usage(`stdin: a line has more than ${MAX_LINE_CHARS} characters`)
    }
  } catch (error) {
    if (!signal.aborted) throw error
  } finally {
    signal.removeEventListener('abort', stop)
  }
  if (rest !== '' && !signal.aborted) yield rest
}
