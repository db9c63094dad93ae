import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { type Frame, LARGE_BYTES } from '../../../src/hub/frame.ts'
import { Flusher } from '../../../src/hub/flusher.ts'
import { SendQueue } from '../../../src/hub/send-queue.ts'
import { FakeConnection, FakeOutlet, FakePiecesOutlet, turn } from '../fakes.ts'

function bytes (text: string): Frame {
  return Buffer.from(text)
}

t.test('all frames of a turn leave in one write, in order', async (t) => {
  const { queue, outlet } = new FakeConnection()
  for (const text of ['a', 'b', 'c']) queue.push(bytes(text))
  t.strictSame(outlet.writes, [])
  t.equal(queue.queuedBytes, 3)
  await turn()
  queue.push(bytes('d'))
  await turn()
  t.strictSame(outlet.writes.map(String), ['abc', 'd'])
  t.equal(queue.queuedBytes, 0)
})

t.test('frames are handed on as the same bytes, not as copies', async (t) => {
  const { queue, outlet } = new FakeConnection()
  const frame = bytes('a')
  queue.push(frame)
  await turn()
  t.equal(outlet.writes[0], frame)
})

const deaf = { onFull: () => {}, onDrained: () => {} }
const large = (fill: number): Frame => new Uint8Array(LARGE_BYTES).fill(fill)

t.test('what is large is not copied to be written with others; what is small between is', async (t) => {
  const outlet = new FakePiecesOutlet()
  const queue = new SendQueue(outlet, new Flusher(), 1_000_000, deaf)
  const [one, other] = [large(1), large(2)]
  for (const frame of [bytes('a'), bytes('b'), one, bytes('c')]) queue.push(frame)
  queue.pushPieces([bytes('d'), other, bytes('e')])
  await turn()
  t.strictSame(outlet.writes.map(({ length }) => length), [2, LARGE_BYTES, 2, LARGE_BYTES, 1])
  t.equal(outlet.writes[1], one)
  t.equal(outlet.writes[3], other)
  t.equal(queue.queuedBytes, 0)
})

t.test('pieces are one frame: counted as one, and whole where they cannot be taken', async (t) => {
  const [flusher, outlet] = [new Flusher(), new FakeOutlet()]
  const queue = new SendQueue(outlet, flusher, 1_000_000, deaf)
  queue.pushPieces([bytes('d'), large(1), bytes('e')])
  await turn()
  t.strictSame(outlet.writes.map(({ length }) => length), [LARGE_BYTES + 2])
  const { frames, writes, bytes: written } = flusher.counts
  t.strictSame({ frames, writes, written }, { frames: 1, writes: 1, written: LARGE_BYTES + 2 })
})

t.test('pieces fill the queue as one frame does, and the last of them is waited for', async (t) => {
  const outlet = new FakePiecesOutlet()
  const events: string[] = []
  const queue = new SendQueue(outlet, new Flusher(), 100, {
    onFull: () => { events.push('full') }, onDrained: () => { events.push('drained') }
  })
  outlet.isStalled = true
  queue.pushPieces([bytes('d'), large(1), bytes('e')])
  await turn()
  t.strictSame([outlet.awaited, outlet.writes.length, ...events], [1, 3, 'full'])
  queue.close()
  queue.pushPieces([bytes('d')])
  await turn()
  t.equal(outlet.writes.length, 3, 'nothing more once it is closed')
})

t.test('whatever is queued, the same bytes leave, in pieces or whole', (t) => {
  const frame = fc.constantFrom(1, 100, LARGE_BYTES - 1, LARGE_BYTES, 70_000)
  fc.assert(fc.property(fc.array(fc.array(frame, { minLength: 1, maxLength: 4 }), { maxLength: 6 }), (frames) => {
    const [whole, pieces] = [new FakeOutlet(), new FakePiecesOutlet()].map((outlet) => {
      const queue = new SendQueue(outlet, new Flusher(), 10_000_000, deaf)
      frames.forEach((lengths, n) => {
        const parts = lengths.map((length) => new Uint8Array(length).fill(n))
        if (parts.length === 1) queue.push(parts[0]!)
        else queue.pushPieces(parts)
      })
      queue.flush()
      return outlet.bytes
    })
    assert.ok(whole!.equals(pieces!))
  }))
  t.end()
})

t.test('a turn without frames writes nothing', async (t) => {
  const { queue, outlet } = new FakeConnection()
  queue.push(bytes('a'))
  queue.flush()
  await turn()
  queue.flush()
  t.equal(outlet.writes.length, 1)
})

t.test('queues that share a flusher are all flushed in the same turn', async (t) => {
  const flusher = new Flusher()
  const outlets = [new FakeOutlet(), new FakeOutlet()]
  const listener = { onFull: () => {}, onDrained: () => {} }
  const [first, second] = outlets.map((outlet) => new SendQueue(outlet, flusher, 100, listener))
  first!.push(bytes('a'))
  second!.push(bytes('b'))
  await turn()
  t.strictSame(outlets.map((outlet) => outlet.bytes.toString()), ['a', 'b'])
})

t.test('the queue is full when its bytes and the socket\'s pass the bound, and says so once', async (t) => {
  const { queue, events, stall } = new FakeConnection(10)
  stall()
  queue.push(bytes('123456'))
  await turn()
  queue.push(bytes('7890'))
  t.notOk(queue.isFull)
  queue.push(bytes('x'))
  t.ok(queue.isFull)
  queue.push(bytes('y'))
  await turn()
  t.strictSame(events, ['full'])
})

t.test('a full queue still takes replies', async (t) => {
  const connection = new FakeConnection(10)
  connection.stall()
  connection.queue.push(bytes('12345678901'))
  connection.queue.push(bytes('reply'))
  await turn()
  t.equal(connection.outlet.bytes.toString(), '12345678901reply')
})

t.test('when the socket has drained the queue says so, once for each time it was full', async (t) => {
  const connection = new FakeConnection(10)
  const { queue, events, drain, stall } = connection
  for (let round = 0; round < 2; round++) {
    stall()
    queue.push(bytes('12345678901'))
    await turn()
    drain()
    queue.drained()
  }
  t.notOk(queue.isFull)
  t.strictSame(events, ['full', 'drained', 'full', 'drained'])
})

t.test('a drain without a full queue before is no news', (t) => {
  const { queue, events } = new FakeConnection(10)
  queue.push(bytes('1'))
  queue.drained()
  t.strictSame(events, [])
  t.end()
})

t.test('a write that the kernel takes whole drains the queue, with no event of the socket', async (t) => {
  const { queue, events } = new FakeConnection(10)
  queue.push(bytes('12345678901'))
  t.ok(queue.isFull)
  await turn()
  t.notOk(queue.isFull)
  t.strictSame(events, ['full', 'drained'])
})

t.test('a queue that is still more than half full is not drained', async (t) => {
  const { queue, events, outlet } = new FakeConnection(10)
  outlet.isStalled = true
  queue.push(bytes('12345678901'))
  await turn()
  outlet.pendingBytes = 6
  queue.drained()
  t.ok(queue.isFull)
  outlet.pendingBytes = 5
  queue.drained()
  t.strictSame(events, ['full', 'drained'])
})

t.test('close writes out what was queued before, and at once', (t) => {
  const { queue, outlet } = new FakeConnection(10)
  queue.push(bytes('last words'))
  queue.close()
  t.equal(outlet.bytes.toString(), 'last words')
  t.end()
})

t.test('after close nothing is taken any more', async (t) => {
  const { queue, outlet, events } = new FakeConnection(10)
  queue.close()
  queue.push(bytes('12345678901'))
  await turn()
  t.strictSame(outlet.writes, [])
  t.equal(queue.queuedBytes, 0)
  t.strictSame(events, [])
})

t.test('after close nothing is taken any more, even where writing out the last of it drains the queue', async (t) => {
  const connection = new FakeConnection(10)
  connection.onDrained = () => { connection.queue.push(bytes('more')) }
  connection.queue.push(bytes('12345678901'))
  connection.queue.close()
  await turn()
  t.strictSame(connection.events, ['full', 'drained'])
  t.equal(connection.outlet.bytes.toString(), '12345678901')
  t.equal(connection.queue.queuedBytes, 0)
})

t.test('whatever is pushed, and however the socket stalls, each byte is written once and in order', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('push' as const), length: fc.integer({ min: 1, max: 40 }) }),
    fc.constantFrom({ do: 'turn' as const }, { do: 'stall' as const }, { do: 'drain' as const })
  )
  await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
    const { queue, outlet, events, stall, drain } = new FakeConnection(64)
    const pushed: Buffer[] = []
    for (const one of steps) {
      if (one.do === 'turn') await turn()
      else if (one.do === 'stall') stall()
      else if (one.do === 'drain') drain()
      else {
        pushed.push(Buffer.alloc(one.length, pushed.length))
        queue.push(pushed.at(-1)!)
        assert.equal(queue.queuedBytes - outlet.pendingBytes + outlet.bytes.length, Buffer.concat(pushed).length)
      }
      assert.ok(queue.isFull || queue.queuedBytes <= 64)
    }
    await turn()
    drain()
    assert.ok(outlet.bytes.equals(Buffer.concat(pushed)))
    assert.ok(!queue.isFull)
    assert.deepEqual(events, events.map((_, index) => index % 2 === 0 ? 'full' : 'drained'))
  }), { numRuns: 200 })
})
