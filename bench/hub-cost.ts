import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { parentPort, workerData } from 'node:worker_threads'
import type * as HubModule from '../src/hub/hub.ts'
import type * as MemberModule from '../src/hub/member.ts'
import type * as FlusherModule from '../src/hub/flusher.ts'
import type * as QueueModule from '../src/hub/send-queue.ts'
import type { Cursor } from '../src/protocol/cursor.ts'
import type { Entry } from '../src/protocol/entry.ts'

/** What a worker of metrics-main.ts is told: one room of so many members, one message a turn. */
export interface HubRun {
  /** Where hub/ is: that of this build, or a copy of it. */
  readonly hubUrl: string
  readonly isCounting: boolean
  readonly members: number
  readonly messages: number
  /** Where something reads and forgets; undefined for a member that takes everything at once. */
  readonly port: number | undefined
}

const WARM_UP = 0.3
const CONTENT = Buffer.from(JSON.stringify('x'.repeat(100)))
const FIRST: Cursor = { epoch: 'e', seq: 0, id: 'id-0' }

const run = workerData as HubRun | null
if (run !== null && parentPort !== null) parentPort.postMessage(await measure(run))

/** CPU time for each delivery, nanoseconds. Nothing else runs in this process meanwhile. */
async function measure ({ hubUrl, isCounting, members, messages, port }: HubRun): Promise<number> {
  const load = async (name: string): Promise<unknown> => await import(new URL(name, hubUrl).href)
  const { Hub } = await load('hub.js') as typeof HubModule
  const { Member } = await load('member.js') as typeof MemberModule
  const { Flusher } = await load('flusher.js') as typeof FlusherModule
  const { SendQueue } = await load('send-queue.js') as typeof QueueModule
  // Each turn's frame is to leave alone.
  const flusher = new Flusher(0, () => 0, () => 0)
  const hub = new Hub(flusher)
  const never = async (): Promise<never> => { throw new Error('the log is not read here') }
  const backlog = { after: never, top: never, page: never, newest: never }
  const room = hub.open('general', 'log', backlog, { maxEntries: 100, maxAgeMs: 0 })
  room.reset(FIRST)
  const sockets = port === undefined ? [] : await Promise.all(Array.from({ length: members }, () => open(port)))
  for (let n = 0; n < members; n++) {
    const queue = new SendQueue(outletOf(sockets[n]), flusher, 1_000_000, { onFull: () => {}, onDrained: () => {} })
    const owner = { connection: `c${n}`, user: `u${n}`, queue, reads: { enter: () => undefined, leave: () => {} } }
    room.add(new Member(owner, room, FIRST))
  }
  let seq = 0
  const publish = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      const entry = entryAt(++seq)
      // As where each message is of this replica's own clients: most are not.
      if (isCounting) hub.counts.turnaround.begin(entry.id)
      room.deliver(entry)
      do await turn()
      while (sockets.some(({ writableLength }) => writableLength > 100_000))
    }
  }
  await publish(Math.ceil(messages * WARM_UP))
  const before = process.cpuUsage()
  await publish(messages)
  const { user, system } = process.cpuUsage(before)
  for (const socket of sockets) socket.destroy()
  return (user + system) * 1e3 / (messages * members)
}

async function open (port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  await once(socket, 'connect')
  return socket
}

function outletOf (socket: Socket | undefined): QueueModule.Outlet {
  if (socket === undefined) return { pendingBytes: 0, write: () => {} }
  return {
    get pendingBytes () { return socket.writableLength },
    write: (bytes) => { socket.write(bytes) }
  }
}

function entryAt (seq: number): Entry {
  return {
    epoch: 'e', seq, id: `id-${seq}`, prev: `id-${seq - 1}`, timestampMs: 1e12, from: '"ann"', content: CONTENT, except: undefined
  }
}

async function turn (): Promise<void> {
  await new Promise<void>((resolve) => { setImmediate(resolve) })
}
