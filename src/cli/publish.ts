import type { Receipt } from '../client/index.ts'
import { CliError, usage } from './exit.ts'
import { type Io, write } from './io.ts'
import { linesOf } from './lines.ts'
import type { Target } from './options.ts'
import { withClient } from './session.ts'
import { paintFor, printable, safeJson, table } from './terminal.ts'

/** Of commands that ask, are answered, and end. */
interface AskOptions { readonly timeoutS: number, readonly isJson: boolean }

interface SendOptions {
  readonly timeoutS: number
  /** The text is JSON. */
  readonly isJson: boolean
  readonly key: string | undefined
  readonly isQuiet: boolean
}

const MEMBER_COLUMNS = [{ title: 'user' }, { title: 'connections', align: 'right' }, { title: 'info' }] as const

/** Publishes a text, or each line of stdin, in order; each is stored before the next is sent. */
export async function send (
  target: Target, room: string, text: string | undefined, options: SendOptions, io: Io
): Promise<void> {
  const { timeoutS, isJson, key } = options
  const only = text === undefined || text === '-' ? undefined : contentOf(text, isJson, 'text')
  if (only === undefined && key !== undefined) throw usage('--key: only with a text: each line of stdin has a key of its own')
  await withClient(target, { signal: io.signal, timeoutS }, async (client, deadline) => {
    const publish = async (value: unknown): Promise<void> => {
      await tell(await client.room(room).publish(value, { key, signal: deadline() }), options, io)
    }
    try {
      if (only !== undefined) await publish(only.value)
      else await sendLines(publish, isJson, io)
    } finally {
      // Without that it would be told only after a grace, as of one who was cut off.
      client.room(room).leave()
    }
  })
}

async function sendLines (publish: (value: unknown) => Promise<void>, isJson: boolean, io: Io): Promise<void> {
  if (io.stdin.isTTY === true) io.stderr.write('A line, a message; Ctrl-D ends.\n')
  let line = 0
  for await (const each of linesOf(io.stdin, io.signal)) {
    line++
    if (each === '') continue
    const { value } = contentOf(each, isJson, `line ${line}`)
    await publish(value).catch((error: Error) => { throw atLine(error, line) })
  }
}

export async function broadcast (target: Target, text: string, options: SendOptions, io: Io): Promise<void> {
  const { value } = contentOf(text, options.isJson, 'text')
  await withClient(target, { signal: io.signal, timeoutS: options.timeoutS }, async (client, deadline) => {
    await tell(await client.broadcast(value, { key: options.key, signal: deadline() }), options, io)
  })
}

interface MoveOptions extends AskOptions { readonly key: string | undefined }

export async function move (target: Target, delta: number, options: MoveOptions, io: Io): Promise<void> {
  await withClient(target, { signal: io.signal, timeoutS: options.timeoutS }, async (client, deadline) => {
    const { position } = await client.position.move(delta, { key: options.key, signal: deadline() })
    await write(io.stdout, options.isJson ? `${safeJson({ position })}\n` : `${printable(String(position))}\n`)
  })
}

export async function members (target: Target, room: string, { timeoutS, isJson }: AskOptions, io: Io): Promise<void> {
  await withClient(target, { signal: io.signal, timeoutS }, async (client, deadline) => {
    const { count, members: list } = await client.room(room, { join: false }).members({ signal: deadline() })
    if (isJson) return await write(io.stdout, `${safeJson({ room, count, members: list })}\n`)
    const paint = paintFor(io.stdout, io.env)
    const rows = list.map(({ user, connections, info }) =>
      [printable(user), String(connections), info === undefined ? '' : safeJson(info)])
    await write(io.stdout, table(MEMBER_COLUMNS, rows, paint))
    if (count > list.length) io.stderr.write(`and ${count - list.length} more\n`)
  })
}

function contentOf (text: string, isJson: boolean, what: string): { readonly value: unknown } {
  if (!isJson) return { value: text }
  try {
    return { value: JSON.parse(text) as unknown }
  } catch {
    throw usage(`${what}: must be JSON, because of --json`)
  }
}

async function tell (receipt: Receipt, { isQuiet }: SendOptions, { stdout, env }: Io): Promise<void> {
  const { seq, cursor, duplicate } = receipt
  if (isQuiet) return
  const paint = paintFor(stdout, env)
  const number = seq === undefined ? 'sent' : `#${printable(String(seq))}`
  const more = [cursor === undefined ? '' : paint('dim', printable(cursor)), duplicate ? paint('yellow', 'as before') : '']
  await write(stdout, `${[number, ...more].filter((each) => each !== '').join('  ')}\n`)
}

function atLine (error: Error, line: number): Error {
  if (error instanceof CliError) return error
  error.message = `line ${line}: ${error.message}`
  return error
}
