import t, { type Test } from 'tap'
import { connect, refused } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { bearer, forge, nowS, SECRET, tokenOf } from '../helpers/tokens.ts'

const USER = 'annabel'
const CONTENT = 'sesame'
const ADDRESS = '127.0.0.1'

/** What is logged while somebody publishes, broadcasts, moves the car, and is refused all kinds of things. */
async function logOf (t: Test, level: string): Promise<string> {
  const { ws, http, logged } = await startGateway(t, { LOG_LEVEL: level, AUTH_SECRET: SECRET })
  // Where it listens is an address, too.
  const before = logged.length
  const good = bearer(await tokenOf(USER, { can: ['broadcast'] }))
  const ann = await connect(t, `${ws}?join=general&join=live:x`, good)
  for (const room of ['general', 'live:x']) {
    t.match(await ann.ask({ type: 'message', room, content: CONTENT }), { type: 'ack' })
  }
  t.match(await ann.ask({ type: 'broadcast', content: CONTENT }), { type: 'ack' })
  t.match(await ann.ask({ type: 'message', room: 'elsewhere', content: CONTENT }), { reason: 'not_joined' })
  t.match(await ann.ask({ type: 'move', delta: CONTENT }), { reason: 'bad_message' })
  t.match(await ann.ask({ type: 'move', delta: 1 }), { reason: 'forbidden' })
  ann.send(`{"content":"${CONTENT}"`)
  t.match(await ann.next('error'), { reason: 'bad_json' })
  const json = { ...good.headers, 'content-type': 'application/json' }
  t.equal((await fetch(`${http}/position`, { method: 'POST', headers: json, body: `"${CONTENT}` })).status, 403)
  t.equal((await fetch(`${http}/users/${USER}/connections`, { method: 'DELETE', headers: good.headers })).status, 403)
  const claims = { sub: USER, exp: nowS() + 60 }
  t.equal((await refused(ws, bearer(forge({ alg: 'HS256' }, claims, 'x'.repeat(48))))).status, 401)
  ann.socket.close()
  await ann.closed
  return logged.slice(before).join('')
}

t.test('what people write is in no log; their names and addresses are at level debug alone', async (t) => {
  const info = await logOf(t, 'info')
  for (const text of [USER, CONTENT, ADDRESS]) t.notOk(info.includes(text), text)
  const debug = await logOf(t, 'debug')
  t.notOk(debug.includes(CONTENT))
  for (const text of [USER, ADDRESS]) t.ok(debug.includes(text), `${text}: they would be found`)
})
