import type { Client, Message, StateChange } from '../client/index.ts'
import { CliError, EXIT, type ExitCode } from './exit.ts'
import { Feed } from './feed.ts'
import type { Io } from './io.ts'
import type { Target } from './options.ts'
import { Outlet } from './outlet.ts'
import { connectTo, refusalOf } from './session.ts'
import { columnsOf, paintFor, printable, safeJson } from './terminal.ts'
import { millis } from './words.ts'

interface JoinOptions {
  readonly since: string | undefined
  readonly history: number
  /** Ends after so many messages; Infinity for never. */
  readonly count: number
  readonly isJson: boolean
}

/** Follows a room until it is told to end; lines on stdout, and how it stands with the connection on stderr. */
export async function followRoom (target: Target, name: string, options: JoinOptions, io: Io): Promise<ExitCode> {
  const client = await connectTo(target, io.signal)
  const room = client.room(name, { since: options.since, history: options.history })
  try {
    await new Promise<void>((resolve, reject) => {
      const outlet = new Outlet(io.stdout, reject)
      const end = (): void => { void outlet.drained().then(resolve) }
      io.signal.addEventListener('abort', end)
      const fail = (error: unknown): void => { void outlet.drained().then(() => reject(error)) }
      show(client, name, options, { io, outlet, end, fail })
    })
    return EXIT.done
  } catch (error) {
    throw refusalOf(error, 0)
  } finally {
    // So that whoever wants to goes on where this ends.
    const { cursor } = room
    if (cursor !== undefined && io.signal.aborted && !options.isJson) io.stderr.write(`\nto go on: --since ${printable(cursor)}\n`)
    room.leave()
    client.close()
  }
}

interface Showing {
  readonly io: Io
  readonly outlet: Outlet
  readonly end: () => void
  readonly fail: (error: unknown) => void
}

function show (client: Client, name: string, { count, isJson }: JoinOptions, { io, outlet, end, fail }: Showing): void {
  const paint = paintFor(io.stdout, io.env)
  const feed = new Feed(paint, columnsOf(io.stdout))
  const put = (frame: object, line: () => string): void => outlet.push(isJson ? `${safeJson(frame)}\n` : line())
  const room = client.room(name)
  let messages = 0
  room.on('message', (message) => {
    if (messages >= count) return
    put(frameOf('message', message), () => feed.message(message))
    if (++messages >= count) end()
  })
  room.on('ephemeral', (signal) => put({ type: 'message', ephemeral: true, ...signal }, () => feed.message(signal, true)))
  room.on('gap', (gap) => put({ type: 'gap', ...gap }, () => feed.gap(gap)))
  room.on('member', (event) => put({ type: 'system', room: name, ...event }, () => feed.member(event)))
  client.on('broadcast', (message) => put(frameOf('broadcast', message), () => feed.broadcast(message)))
  room.on('joined', (joined) => {
    if (isJson) return outlet.push(`${safeJson({ type: 'joined', ...joined })}\n`)
    const { seq, replay } = joined
    say(io, `in ${name}, as ${client.user ?? '?'} on ${client.replica ?? '?'}${seq === undefined ? '' : `; the newest is #${seq}`}${replay > 0 ? `, ${replay} follow` : ''}`)
  })
  room.on('error', fail)
  client.on('state', (change) => onState(change, io, fail))
}

/** As the gateway spells it (docs/protocol.md). */
function frameOf (type: 'message' | 'broadcast', { room, seq, cursor, from, content, timestamp }: Message): object {
  return { type, room: type === 'broadcast' ? undefined : room, seq, cursor, from, content, timestamp }
}

function onState ({ state, previous, error, retryInMs }: StateChange, io: Io, fail: (error: unknown) => void): void {
  if (state === 'closed' && !io.signal.aborted) fail(error ?? new CliError(EXIT.unreachable, 'the connection was ended'))
  if (state === 'waiting') say(io, `not connected (${error?.message ?? 'lost'}); again in ${millis(retryInMs ?? 0)}`)
  if (state === 'online' && previous !== 'online') say(io, 'connected again')
}

function say ({ stderr, env }: Io, text: string): void {
  stderr.write(`${paintFor(stderr, env)('dim', `· ${printable(text)}`)}\n`)
}
