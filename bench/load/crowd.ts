import type { Commands, Load, Resumed, Window } from './commands.ts'
import { answer, type Connection, openConnection, publish } from './connection.ts'
import { createHistogram } from './histogram.ts'
import { PROTOCOLS } from './protocols.ts'
import { sentUs } from './publication.ts'
import { createScan, type FrameSink, type Scan } from './scan.ts'
import { spin, spinUntil } from './spin.ts'

type Answer<Name extends keyof Commands> = Promise<Commands[Name]['answer']>

const PATIENCE_MS = 1_000
const LONGEST_WAIT_MS = 15_000
const QUIET_LIMIT_MS = 30_000
const ERROR = Buffer.from('{"type":"error"')
const GAP = Buffer.from('{"type":"gap"')

/** All connections of a generator. */
export class Crowd {
  readonly #histogram = createHistogram()
  readonly #scans = new Map<object, Scan<Connection>>()
  /** Of each room, those that read. */
  readonly #readers = new Map<string, number>()
  readonly #gapsOf = new Map<Connection, number>()
  #connections: Connection[] = []
  #latest: Connection[] = []
  #stalled: Connection[] = []
  #received = 0
  #lastUs = 0
  #untilSample = 1
  #sampleEvery = 1
  #errors = 0
  #gaps = 0
  #lost = 0
  #complaint = ''
  #isClosing = false
  /** Since they stalled. */
  #sentToStalled = 0

  async connect (ask: Commands['connect']['ask']): Answer<'connect'> {
    const { port, protocol: name, rooms, count, concurrency, isSampled = true } = ask
    const protocol = PROTOCOLS[name]
    const scan = this.#scanOf(protocol)
    const opened: Connection[] = []
    const startUs = nowUs()
    const cpu = process.cpuUsage()
    let next = 0
    const openSome = async (): Promise<void> => {
      while (next < count) {
        const room = rooms[next++ % rooms.length]!
        opened.push(await openConnection({ port, protocol, room }, isSampled, scan, (lost) => this.#onLost(lost)))
      }
    }
    await spinUntil(Promise.all(Array.from({ length: concurrency }, openSome)))
    const tookMs = (nowUs() - startUs) / 1_000
    for (const { room } of opened) this.#readers.set(room, (this.#readers.get(room) ?? 0) + 1)
    this.#connections = this.#connections.concat(opened)
    this.#latest = opened
    return { tookMs, cpuUs: cpuSince(cpu) }
  }

  async publish (load: Load): Answer<'publish'> {
    const { durationMs, contentBytes, patienceMs = PATIENCE_MS, sampleEvery, isDrowsy } = load
    this.#clear(sampleEvery)
    const publishers = this.#publishers(load.publishers)
    let expected = 0
    let sent = 0
    const send = (): void => {
      const connection = publishers[sent++ % publishers.length]!
      publish(connection, contentBytes, nowUs())
      expected += this.#readers.get(connection.room)!
    }
    const cpu = process.cpuUsage()
    const startUs = nowUs()
    const endUs = startUs + durationMs * 1_000
    let now = startUs
    let busyUs = 0
    let done = 0
    const tick = (): void => {
      const before = now
      now = nowUs()
      if (sent + this.#received !== done) busyUs += now - before
      done = sent + this.#received
    }
    await spin(() => {
      tick()
      if (now >= endUs) return false
      if ('ratePerSecond' in load.pace) {
        const due = Math.ceil((now - startUs) * load.pace.ratePerSecond / 1e6)
        for (let left = due - sent; left > 0; left--) send()
      } else {
        const perMessage = this.#readers.get(publishers[0]!.room)!
        const inFlight = Math.ceil((expected - this.#received) / perMessage)
        for (let left = load.pace.inFlight - inFlight; left > 0; left--) send()
      }
      return true
    }, isDrowsy)
    const stoppedUs = now
    await spin(() => {
      tick()
      if (this.#received >= expected || now - stoppedUs > LONGEST_WAIT_MS * 1_000) return false
      return now - Math.max(this.#lastUs, stoppedUs) < patienceMs * 1_000
    }, isDrowsy)
    this.#sentToStalled += sent
    const tookMs = (stoppedUs - startUs) / 1_000
    return this.#window({ sent, expected, tookMs, cpuUs: cpuSince(cpu), busyMs: busyUs / 1_000 }, stoppedUs)
  }

  stall (count: number): void {
    this.#stalled = this.#latest.slice(0, count)
    this.#sentToStalled = 0
    for (const connection of this.#stalled) {
      connection.socket.pause()
      connection.isStalled = true
      connection.isSampled = false
      connection.messages = 0
      this.#readers.set(connection.room, this.#readers.get(connection.room)! - 1)
    }
  }

  async resume (): Answer<'resume'> {
    for (const { socket } of this.#stalled) socket.resume()
    await this.quiet(PATIENCE_MS)
    const resumed = this.#stalled.map((connection): Resumed => ({
      messages: connection.messages,
      missing: this.#sentToStalled - connection.messages,
      gaps: this.#gapsOf.get(connection) ?? 0,
      isOpen: !connection.socket.destroyed
    }))
    for (const connection of this.#stalled) {
      connection.isStalled = false
      if (!connection.socket.destroyed) this.#readers.set(connection.room, this.#readers.get(connection.room)! + 1)
    }
    this.#stalled = []
    return resumed
  }

  async quiet (forMs: number): Answer<'quiet'> {
    const startUs = nowUs()
    await spin(() => {
      const now = nowUs()
      if (now - startUs > QUIET_LIMIT_MS * 1_000) throw new Error('it does not get quiet')
      return now - Math.max(startUs, this.#lastUs) < forMs * 1_000
    })
    return null
  }

  async close (): Answer<'close'> {
    this.#isClosing = true
    const closing = this.#connections.filter(({ socket }) => !socket.destroyed)
    let open = closing.length
    for (const { socket } of closing) {
      socket.once('close', () => { open-- })
      // Half of them without a goodbye.
      if (open % 2 === 0) socket.resetAndDestroy()
      else socket.destroy()
    }
    await spin(() => open > 0)
    this.#connections = []
    this.#latest = []
    this.#stalled = []
    this.#readers.clear()
    this.#gapsOf.clear()
    this.#isClosing = false
    return null
  }

  #scanOf (protocol: typeof PROTOCOLS[keyof typeof PROTOCOLS]): Scan<Connection> {
    const sink: FrameSink<Connection> = {
      onMessage: (connection, buffer, start, end) => {
        if (connection.isStalled) return
        this.#received++
        if (--this.#untilSample > 0 || end === 0) return
        this.#untilSample = this.#sampleEvery
        this.#lastUs = nowUs()
        if (!connection.isSampled) return
        const us = sentUs(buffer, start, end)
        if (us >= 0) this.#histogram.record(this.#lastUs - us)
      },
      onOther: (connection, opcode, payload) => {
        this.#lastUs = nowUs()
        this.#note(connection, payload)
        answer(connection, opcode, payload)
      }
    }
    const known = this.#scans.get(protocol) ?? createScan(protocol.mark, sink)
    this.#scans.set(protocol, known)
    return known
  }

  #note (connection: Connection, payload: Buffer): void {
    if (startsWith(payload, ERROR)) {
      this.#errors++
      this.#complaint ||= payload.toString()
    }
    if (!startsWith(payload, GAP)) return
    this.#gaps++
    this.#gapsOf.set(connection, (this.#gapsOf.get(connection) ?? 0) + 1)
  }

  #onLost (connection: Connection): void {
    if (this.#isClosing || !this.#connections.includes(connection)) return
    this.#lost++
    if (!connection.isStalled) this.#readers.set(connection.room, this.#readers.get(connection.room)! - 1)
  }

  #publishers (count = this.#connections.length): Connection[] {
    const able = this.#connections.filter(({ isStalled, socket }) => !isStalled && !socket.destroyed)
    const step = Math.max(1, Math.floor(able.length / count))
    return able.filter((_, index) => index % step === 0).slice(0, count)
  }

  #clear (sampleEvery: number): void {
    this.#histogram.clear()
    this.#received = 0
    this.#errors = 0
    this.#gaps = 0
    this.#lost = 0
    this.#complaint = ''
    this.#sampleEvery = sampleEvery
    this.#untilSample = 1
  }

  #window (counted: Pick<Window, 'sent' | 'expected' | 'tookMs' | 'cpuUs' | 'busyMs'>, stoppedUs: number): Window {
    return {
      ...counted,
      received: this.#received,
      lateMs: Math.max(0, this.#lastUs - stoppedUs) / 1_000,
      p50Us: this.#histogram.percentileUs(50),
      p99Us: this.#histogram.percentileUs(99),
      samples: this.#histogram.count,
      errors: this.#errors,
      gaps: this.#gaps,
      lost: this.#lost,
      complaint: this.#complaint
    }
  }
}

function nowUs (): number {
  return Math.round(performance.now() * 1_000)
}

function cpuSince (before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return user + system
}

function startsWith (payload: Buffer, text: Buffer): boolean {
  return payload.length >= text.length && payload.compare(text, 0, text.length, 0, text.length) === 0
}
