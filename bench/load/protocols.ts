import type { Mark } from './scan.ts'

/** How a kind of server is spoken to. */
export interface Protocol {
  /** Of the upgrade. */
  readonly path: string
  readonly mark: Mark
  /** The first thing said after the upgrade; undefined where one is in the room by then. */
  hello (room: string): string | undefined
  /** What is said to something that is no message: the next text, that the room is joined, or nothing. */
  answer (text: string, room: string): string | typeof JOINED | undefined
  /** The content is JSON. */
  publish (room: string, content: string): string
}

export const JOINED = Symbol('joined')

const flatMark: Mark = { at: 9, bytes: Buffer.from('mes') }
const flatJoin = (room: string): string => `{"type":"join","id":1,"room":"${room}"}`
const flatPublish = (room: string, content: string): string => `{"type":"message","room":"${room}","content":${content}}`

/** Tidegate's flat JSON; the textbook server speaks the same. */
const flat: Protocol = {
  path: '/ws',
  mark: flatMark,
  hello: flatJoin,
  answer: (text) => text.startsWith('{"type":"joined"') ? JOINED : undefined,
  publish: flatPublish
}

export const PROTOCOLS = {
  flat,
  /** One room, and everyone is in it: the floor. */
  bare: { ...flat, path: '/', hello: () => undefined },
  /** Engine.IO 4 over WebSocket, Socket.IO 5 within it. */
  'socket.io': {
    path: '/socket.io/?EIO=4&transport=websocket',
    mark: { at: 0, bytes: Buffer.from('42') },
    hello: () => '',
    answer: (text, room) => {
      if (text === '2') return '3'
      if (text.startsWith('0{')) return '40'
      if (text.startsWith('40')) return `420["join","${room}"]`
      return text.startsWith('430') ? JOINED : undefined
    },
    publish: (room, content) => `42["publish","${room}",${content}]`
  }
} as const satisfies Record<string, Protocol>

export type ProtocolName = keyof typeof PROTOCOLS
