import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { Closed, Frame } from '../../cluster/client.ts'
import { Until } from '../../cluster/until.ts'
import { open } from './browser.ts'

/** What a stranger is told to do. Bytes are base64; parts are the fragments of one text. */
type Order =
  | { readonly text: string }
  | { readonly parts: readonly string[] }
  | { readonly bytes: string }
  | { readonly close: number, readonly reason: string }

/** What it tells. */
type Told = { readonly open: true } | { readonly frame: string } | { readonly closed: number, readonly reason: string }

/** A client whose WebSocket is not that of ws. */
export class Stranger {
  readonly frames: Frame[] = []
  closed: Closed | undefined
  #isOpen = false
  readonly #order: (order: Order) => void
  readonly #until = new Until()

  /** @param start begins, and returns the way to tell it more */
  constructor (start: (hear: (told: Told) => void) => (order: Order) => void) {
    this.#order = start((told) => {
      if ('open' in told) this.#isOpen = true
      else if ('frame' in told) this.#hear(JSON.parse(told.frame) as Frame)
      else this.closed = { code: told.closed, reason: told.reason }
      this.#until.changed()
    })
  }

  /** Who comes and goes is told to whoever is there already, which is chance. */
  #hear (frame: Frame): void {
    if (frame.type !== 'system') this.frames.push(frame)
  }

  async opened (): Promise<this> {
    await this.#until.true('it is connected', () => this.#isOpen || this.closed !== undefined)
    return this
  }

  send (request: object | string): void {
    this.#order({ text: typeof request === 'string' ? request : JSON.stringify(request) })
  }

  sendParts (parts: readonly string[]): void {
    this.#order({ parts })
  }

  sendBytes (bytes: Uint8Array): void {
    this.#order({ bytes: Buffer.from(bytes).toString('base64') })
  }

  /** Closes, and waits until it is done. */
  async close (code: number, reason: string): Promise<Closed> {
    this.#order({ close: code, reason })
    return await this.ended()
  }

  async ended (): Promise<Closed> {
    await this.#until.true('it is closed', () => this.closed !== undefined)
    return this.closed!
  }

  async ask (request: object, id: number): Promise<Frame> {
    this.send({ ...request, id })
    return await this.take(`the answer to ${id}`, (frame) => frame.id === id)
  }

  /** Takes the first frame of this kind. */
  async take (what: string, matches: (frame: Frame) => boolean): Promise<Frame> {
    await this.until(what, () => this.frames.some(matches))
    const [frame] = this.frames.splice(this.frames.findIndex(matches), 1)
    return frame!
  }

  async until (what: string, condition: () => boolean): Promise<void> {
    await this.#until.true(what, condition)
  }
}

export interface Kind {
  readonly name: string
  readonly connect: (t: Test, url: string) => Promise<Stranger>
}

const CLIENTS = new URL('../../../test/conformance/clients/', import.meta.url)

/** Node's own; behind a flag before Node 22. */
export const node: Kind = {
  name: 'node',
  connect: (t, url) => {
    const flags = typeof WebSocket === 'undefined' ? ['--experimental-websocket', '--no-warnings'] : []
    return byProcess(t, process.execPath, [...flags, fileURLToPath(new URL('client.mjs', CLIENTS)), url])
  }
}

/** Debian's python3-websockets; fragments messages that are given in parts. */
export const python: Kind = {
  name: 'python',
  connect: (t, url) => byProcess(t, findPython(), [fileURLToPath(new URL('client.py', CLIENTS)), url])
}

export const chromium: Kind = {
  name: 'chromium',
  connect: async (t, url) => {
    // Of the same origin, and without a connection of its own.
    const page = await open(t, `${new URL(url).origin.replace(/^ws/, 'http')}/healthz`)
    let hear = (_told: Told): void => {}
    await page.exposeFunction('tell', (told: Told) => hear(told))
    const stranger = new Stranger((hears) => {
      hear = hears
      return (order) => { void page.evaluate(obey, order) }
    })
    await page.evaluate(begin, url)
    return await stranger.opened()
  }
}

// These two run in the page.
type InPage = typeof globalThis & { tell: (told: Told) => void, socket: WebSocket }

function begin (url: string): void {
  const page = globalThis as InPage
  page.socket = new page.WebSocket(url)
  page.socket.onopen = () => page.tell({ open: true })
  page.socket.onmessage = ({ data }) => page.tell({ frame: data as string })
  page.socket.onclose = ({ code, reason }) => page.tell({ closed: code, reason })
}

function obey (order: Order): void {
  const { socket } = globalThis as InPage
  if ('text' in order) socket.send(order.text)
  else if ('bytes' in order) socket.send(Uint8Array.from(atob(order.bytes), (char) => char.charCodeAt(0)))
  else if ('close' in order) socket.close(order.close, order.reason)
}

async function byProcess (t: Test, command: string, args: readonly string[]): Promise<Stranger> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  t.teardown(() => endOf(child))
  // It may have ended already.
  child.stdin.on('error', () => {})
  const stranger = new Stranger((hear) => {
    createInterface({ input: child.stdout }).on('line', (line) => hear(JSON.parse(line) as Told))
    return (order) => { child.stdin.write(`${JSON.stringify(order)}\n`) }
  })
  return await stranger.opened()
}

async function endOf (child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}

/** Debian's packages are its own Python's, and another may come first on the PATH. */
function findPython (): string {
  const found = ['/usr/bin/python3', 'python3'].find((each) => spawnSync(each, ['-c', 'import websockets']).status === 0)
  if (found === undefined) throw new Error('no python3 has the package websockets: see scripts/setup.mjs')
  return found
}
