import {
  BINARY, CLOSE, type FrameParts, PING, PONG, rawFrame, TEXT, UPGRADE_HEADERS, upgradeHead
} from '../../bench/floods/raw-socket.ts'
import { type Random, seeded } from '../../bench/random.ts'

/** What clients say that mean well; what is wrong is made of it. */
const REQUESTS: readonly object[] = [
  { type: 'join', id: 1, room: 'general', history: 5 },
  { type: 'join', room: 'general', since: 'k3f9.41.Zx81kQ' },
  { type: 'leave', id: 'x', room: 'general' },
  { type: 'message', id: 2, room: 'general', content: { text: 'Grüße, 世界 👋' }, key: 'k' },
  { type: 'message', room: 'live:a', content: [1.5, 1e300, -0], ephemeral: true },
  { type: 'message', id: 3, room: 'general', content: null, echo: false },
  { type: 'broadcast', id: 4, content: 'x'.repeat(300) },
  { type: 'move', id: 5, delta: -7 },
  { type: 'history', id: 6, room: 'general', before: 9, limit: 3 },
  { type: 'auth', id: 7, token: 'a.b.c' },
  { type: 'ping', id: 8 },
  { type: 'members', id: 9, room: 'general' }
]
const LENGTHS = [
  0, 1, 125, 126, 127, 65_535, 65_536, 65_537, 2 ** 20, 2 ** 31, 2 ** 32 - 1,
  2n ** 40n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n
]
const CODES = [
  0, 999, 1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1011, 1012, 1015, 2999, 3000, 4000, 4999, 5000, 65_535
]

class Dice {
  readonly random: Random

  constructor (seed: number) {
    this.random = seeded(seed)
  }

  /** 0 up to, not including, n. */
  below (n: number): number {
    return Math.floor(this.random() * n)
  }

  of<Item> (items: readonly Item[]): Item {
    return items[this.below(items.length)]!
  }

  bytes (count: number): Buffer {
    return Buffer.from(Array.from({ length: count }, () => this.below(256)))
  }
}

type Kind = (dice: Dice) => Buffer

const text = (dice: Dice): Buffer => Buffer.from(JSON.stringify(dice.of(REQUESTS)))
const requests = (dice: Dice): Buffer =>
  Buffer.concat(Array.from({ length: 1 + dice.below(4) }, () => rawFrame(text(dice))))

/** By name, so that a failing input says what it was meant to be. */
const KINDS: Readonly<Record<string, Kind>> = {
  'flipped bytes': (dice) => scramble(dice, requests(dice)),
  'a header that lies': (dice) => {
    const parts: FrameParts = {
      opcode: dice.below(16),
      isLast: dice.below(3) > 0,
      reserved: dice.below(2) * dice.below(8),
      isMasked: dice.below(8) > 0,
      ...(dice.below(2) === 0 ? { claimed: dice.of(LENGTHS) } : {})
    }
    return Buffer.concat([rawFrame(text(dice), parts), requests(dice)])
  },
  'JSON that is none': (dice) => rawFrame(scramble(dice, text(dice))),
  'text of any bytes': (dice) => rawFrame(dice.bytes(dice.below(200)), { opcode: dice.of([TEXT, TEXT, BINARY]) }),
  fragments: (dice) => fragments(dice),
  'control frames': (dice) => Buffer.concat(Array.from({ length: 1 + dice.below(5) }, () => control(dice))),
  'any bytes': (dice) => dice.bytes(1 + dice.below(2_000)),
  'cut off, or twice': (dice) => {
    const frames = requests(dice)
    const from = dice.below(frames.length)
    return Buffer.concat([frames.subarray(0, from), frames.subarray(dice.below(frames.length))])
  }
}
const NAMES = Object.keys(KINDS)

/** Some bytes changed, put in or left out. */
function scramble (dice: Dice, bytes: Buffer): Buffer {
  let mixed = Buffer.from(bytes)
  for (let left = 1 + dice.below(6); left > 0; left--) {
    const at = dice.below(mixed.length + 1)
    const change = dice.below(4)
    const rest = mixed.subarray(at)
    if (change === 0 && rest.length > 0) rest[0]! ^= 1 << dice.below(8)
    else if (change === 1 && rest.length > 0) rest[0] = dice.below(256)
    else if (change === 2) mixed = Buffer.concat([mixed.subarray(0, at), rest.subarray(1)])
    else mixed = Buffer.concat([mixed.subarray(0, at), dice.bytes(3), rest])
  }
  return mixed
}

function fragments (dice: Dice): Buffer {
  const whole = text(dice)
  const frames: Buffer[] = []
  const count = dice.below(10) === 0 ? 70 : 1 + dice.below(6)
  for (let n = 0, at = 0; n < count; n++) {
    const end = n === count - 1 ? whole.length : at + dice.below(whole.length - at + 1)
    const opcode = n === 0 && dice.below(10) > 0 ? TEXT : dice.below(20) === 0 ? TEXT : 0
    frames.push(rawFrame(whole.subarray(at, end), { opcode, isLast: n === count - 1 }))
    if (dice.below(3) === 0) frames.push(control(dice))
    at = end
  }
  return Buffer.concat(frames)
}

function control (dice: Dice): Buffer {
  const opcode = dice.of([PING, PONG, CLOSE, PING, PONG])
  const payload = dice.bytes(dice.of([0, 1, 2, 3, 60, 125, 126, 140]))
  if (opcode === CLOSE && payload.length > 1 && dice.below(3) > 0) payload.writeUInt16BE(dice.of(CODES), 0)
  if (opcode === CLOSE && dice.below(2) === 0) payload.fill('x', 2)
  return rawFrame(payload, { opcode, isLast: dice.below(12) > 0 })
}

function head (dice: Dice): Buffer {
  const path = dice.of(['/ws', '/ws?join=general&history=3', '/ws?user=%00', '/ws?join=%7B&join=a', '/', '/position', '/ws/', '*'])
  const more = { [dice.of(['x', 'origin', 'cookie', 'sec-websocket-protocol'])]: 'y'.repeat(dice.of([1, 100, 20_000])) }
  const method = dice.of(['GET', 'GET', 'POST', 'OPTIONS', 'get'])
  const line = `${method} ${path} HTTP/${dice.of(['1.1', '1.1', '1.0', '2.0'])}`
  const start = Buffer.from(upgradeHead(path, { ...UPGRADE_HEADERS, ...more }, line))
  return dice.below(2) === 0 ? scramble(dice, start) : start
}

export interface Input {
  readonly kind: string
  readonly bytes: Buffer
  /** Where it is cut into two writes. */
  readonly cut: number
}

/** All that one connection sends: the same bytes for the same numbers. */
export function inputOf (seed: number, index: number): Input {
  const dice = new Dice(seed + Math.imul(index, 0x9e3779b1))
  const name = dice.of(NAMES)
  const isHead = dice.below(12) === 0
  const start = isHead ? head(dice) : Buffer.from(upgradeHead('/ws?join=general'))
  const bytes = Buffer.concat([start, KINDS[name]!(dice)])
  const cut = dice.below(3) === 0 ? dice.below(bytes.length) : bytes.length
  return { kind: isHead ? `a head, and ${name}` : name, bytes, cut }
}
