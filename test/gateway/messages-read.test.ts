import t from 'tap'
import { type RunningGateway, startGateway } from '../helpers/gateway.ts'
import { type Body, MESSAGES, type Message, get, post, startWithoutRates } from '../helpers/room-messages.ts'

async function fill (gateway: RunningGateway, room: string, count: number, content?: string): Promise<void> {
  for (let n = 1; n <= count; n++) await post(gateway, `/rooms/${room}/messages`, { content: content ?? n })
}

t.test('a page goes back from the newest, or from a number', async (t) => {
  const gateway = await startWithoutRates(t)
  await fill(gateway, 'general', 7)
  const numbers = ({ messages }: Body): number[] => messages.map(({ seq }) => seq)
  const newest = (await get(gateway, `${MESSAGES}?limit=3`)).body
  t.strictSame([numbers(newest), newest.more], [[5, 6, 7], true])
  const older = (await get(gateway, `${MESSAGES}?limit=3&before=5`)).body
  t.strictSame([numbers(older), older.more], [[2, 3, 4], true])
  const oldest = (await get(gateway, `${MESSAGES}?limit=3&before=2`)).body
  t.strictSame([numbers(oldest), oldest.more], [[1], false])
  t.strictSame((await get(gateway, '/rooms/nobody/messages')).body, { room: 'nobody', messages: [], more: false })
})

t.test('whoever follows with since gets every message once, page by page, and what comes later', async (t) => {
  const gateway = await startWithoutRates(t)
  await fill(gateway, 'general', 9)
  const got: number[] = []
  let since = (await get(gateway, `${MESSAGES}?before=2`)).body.messages[0]!.cursor
  const pages: boolean[] = []
  const follow = async (): Promise<void> => {
    for (;;) {
      const { messages, more, gap } = (await get(gateway, `${MESSAGES}?limit=3&since=${since}`)).body
      t.equal(gap, undefined)
      pages.push(more)
      got.push(...messages.map(({ seq }) => seq))
      since = messages.at(-1)?.cursor ?? since
      if (!more) return
    }
  }
  await follow()
  t.strictSame(got, [2, 3, 4, 5, 6, 7, 8, 9])
  t.strictSame(pages, [true, true, false])
  await follow()
  t.equal(got.length, 8, 'nothing new is an empty page')
  await fill(gateway, 'general', 2)
  await follow()
  t.strictSame(got.slice(8), [10, 11])
})

t.test('a page is at most 256 KiB, and goes on after that', async (t) => {
  const gateway = await startWithoutRates(t)
  await fill(gateway, 'general', 10, 'x'.repeat(60_000))
  const newest = (await get(gateway, MESSAGES)).body
  t.strictSame([newest.messages.map(({ seq }) => seq), newest.more], [[7, 8, 9, 10], true])
  const first = (await get(gateway, `${MESSAGES}?before=2`)).body.messages[0]!
  const next = (await get(gateway, `${MESSAGES}?since=${first.cursor}`)).body
  t.strictSame([next.messages.map(({ seq }) => seq), next.more], [[2, 3, 4, 5], true])
})

t.test('where continuity ended the page says so, with the newest messages and where to go on', async (t) => {
  const gateway = await startWithoutRates(t, { LOG_ENTRIES: '5' })
  await fill(gateway, 'general', 1)
  const [{ cursor: old }] = (await get(gateway, MESSAGES)).body.messages as [Message]
  await fill(gateway, 'general', 9)
  const trimmed = (await get(gateway, `${MESSAGES}?limit=2&since=${old}`)).body
  t.match(trimmed, { more: false, gap: { type: 'gap', room: 'general', reason: 'trimmed', seq: 10 } })
  t.strictSame(trimmed.messages.map(({ seq }) => seq), [9, 10])
  t.equal(trimmed.gap!.cursor, trimmed.messages.at(-1)!.cursor)
  const rest = (await get(gateway, `${MESSAGES}?before=9`)).body
  t.strictSame([rest.messages.map(({ seq }) => seq), rest.more], [[6, 7, 8], false], 'what is kept before it can be had')
  const [epoch, , id] = trimmed.gap!.cursor.split('.')
  for (const [since, reason] of [[`other.3.${id}`, 'epoch'], [`${epoch}.99.${id}`, 'ahead'], [`${epoch}.10.other`, 'fork']]) {
    t.match((await get(gateway, `${MESSAGES}?since=${since}`)).body, { gap: { reason, seq: 10 } }, reason!)
  }
  t.match((await get(gateway, `/rooms/empty/messages?since=${old}`)).body, { messages: [], gap: { reason: 'epoch', seq: 0 } })
  const { cursor: empty } = (await get(gateway, `/rooms/empty/messages?since=${old}`)).body.gap!
  await fill(gateway, 'empty', 2)
  t.strictSame((await get(gateway, `/rooms/empty/messages?since=${empty}`)).body.messages.map(({ seq }) => seq), [1, 2])
})

t.test('a latest room has its newest value, the position its moves, and $all the broadcasts', async (t) => {
  const gateway = await startWithoutRates(t)
  await fill(gateway, 'latest:a', 3)
  const { messages: [value] } = (await get(gateway, '/rooms/latest:a/messages')).body
  t.match(value, { content: 3, seq: 3 })
  const epoch = value!.cursor.split('.')[0]
  t.match((await get(gateway, `/rooms/latest:a/messages?since=${epoch}.1.x`)).body, { messages: [{ seq: 3 }], more: false })
  t.match((await get(gateway, `/rooms/latest:a/messages?since=${value!.cursor}`)).body, { messages: [], more: false })
  await post(gateway, '/position', { delta: 50 })
  t.match((await get(gateway, '/rooms/position/messages')).body, { messages: [{ type: 'position', position: 50 }] })
  await post(gateway, '/broadcast', { content: 'noon', from: 'ops' })
  t.match((await get(gateway, '/rooms/$all/messages')).body, { messages: [{ type: 'broadcast', from: 'ops', content: 'noon' }] })
})

t.test('a bad question for messages names its field', async (t) => {
  const gateway = await startGateway(t)
  const limit = 'limit: must be an integer of 1 to 200'
  const before = 'before: must be an integer of at least 1'
  const cursor = 'since: not a cursor of this gateway'
  for (const [query, reason, message] of [
    ['limit=0', 'bad_message', limit], ['limit=201', 'bad_message', limit], ['limit=', 'bad_message', limit],
    ['limit=1e1', 'bad_message', limit], ['limit=1&limit=2', 'bad_message', limit], ['limit=5%00', 'bad_message', limit],
    ['before=0', 'bad_message', before], ['before=-1', 'bad_message', before], ['before=x', 'bad_message', before],
    ['before=99999999999999999999', 'bad_message', before], ['before=9007199254740993', 'bad_message', before],
    ['since=', 'bad_cursor', cursor], ['since=x', 'bad_cursor', cursor], ['since=e.1.x&since=e.1.x', 'bad_cursor', cursor],
    ['since=e.1.x&before=5', 'bad_message', 'before: not together with since']
  ]) {
    t.strictSame((await get(gateway, `${MESSAGES}?${query}`)).body, { code: 400, reason, message }, query!)
  }
  t.equal((await get(gateway, `${MESSAGES}?__proto__=1&constructor=2&limit=5`)).status, 200)
})
