import t from 'tap'
import { RedisServer } from '../../cluster/redis.ts'
import { eventually } from '../../cluster/until.ts'
import { connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'
import { counted, figuresOf } from '../helpers/metrics.ts'

const COMMANDS = 'redis_up{connection="commands"}'
const SUBSCRIBER = 'redis_up{connection="subscriber"}'

t.test('metrics tell how Redis is, and are there while it is away', async (t) => {
  const redis = await RedisServer.start()
  t.teardown(() => redis.stop())
  const { http, ws } = await startGateway(t, { REDIS_URL: redis.url, RATE_HTTP: '1' })
  const ann = await connect(t, `${ws}?join=red`)
  await ann.next('joined')
  const before = await figuresOf(http)
  for (const name of ['ready', COMMANDS, SUBSCRIBER]) t.equal(before.get(name), 1, name)
  t.equal(before.get('redis_connects_total{connection="commands"}'), 1)
  t.ok(before.get('redis_probe_age_seconds')! < 10)
  for (const content of ['one', 'two']) ann.send({ type: 'message', room: 'red', content })
  await ann.ask({ type: 'message', room: 'red', content: 'three', ephemeral: true })
  await ann.until('all', () => ann.frames.length === 3)
  const { 'redis_publish_commands_total{kind="append"}': appends, ...rest } = counted(before, await figuresOf(http))
  t.ok(appends === 1 || appends === 2)
  t.strictSame(rest, {
    messages_total: 3,
    deliveries_total: 3,
    frames: 4,
    'publish_duration_seconds_count{outcome="ack"}': 3,
    delivery_duration_seconds_count: 1,
    'redis_publishes_total{kind="append"}': 2,
    'redis_publishes_total{kind="signal"}': 1,
    'redis_publish_commands_total{kind="signal"}': 1
  })

  await redis.kill()
  await eventually('it is seen', async () => (await figuresOf(http)).get('ready') === 0)
  t.match(await ann.ask({ type: 'message', room: 'red', content: 'four' }), { reason: 'unavailable' })
  const away = await figuresOf(http)
  for (const name of [COMMANDS, SUBSCRIBER]) t.equal(away.get(name), 0, name)
  t.equal(away.get('publish_duration_seconds_count{outcome="unavailable"}'), 1)
  t.equal(away.get('refusals_total{reason="unavailable"}'), 1)

  // It has lost everything: the room begins anew, and its member is told.
  await redis.run()
  t.match(await ann.next('gap'), { reason: 'epoch' })
  const back = await figuresOf(http)
  for (const name of ['ready', COMMANDS, SUBSCRIBER]) t.equal(back.get(name), 1, name)
  t.equal(back.get('redis_connects_total{connection="subscriber"}'), 2)
  t.equal(back.get('gaps_total{reason="epoch"}'), 1 + Number(ann.frames.some(({ type }) => type === 'gap')))
  t.ok(back.get('room_repairs_total')! > 0)
})
