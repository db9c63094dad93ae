// Breaks the compiled code on purpose, one promise at a time, and expects a test to go red. A mutant that
// survives means that nothing holds that promise: `npm run mutants` ends with 1 then.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

/** What is broken, in which file, what is replaced by what, and the test that must notice. */
const MUTANTS = [
  ['joined before SUBSCRIBE is confirmed', 'broker/redis.js',
    'await ask(subscriber, () => subscriber.subscribe(this.#keys.channel(room)))',
    'void ask(subscriber, () => subscriber.subscribe(this.#keys.channel(room))).catch(() => {})',
    'cluster/two-replicas.test.js'],
  ["a room's message leaks to another room", 'broker/redis.js',
    'this.#keys.roomOf(channel.toString())', '[...this.#rooms][0]', 'contract/broker.redis.test.js'],
  ['a lost unsubscribe', 'broker/redis.js',
    'await ask(subscriber, () => subscriber.unsubscribe(this.#keys.channel(room)))', '',
    'contract/broker.redis.test.js'],
  ['local echo without Redis: an order that differs between replicas', 'broker/redis.js',
    'await send(commands, () => commands.publish(channel, payload))',
    "this.#listener?.onEnvelope(room, { kind: 'signal', signal }); await send(commands, () => commands.publish(channel, payload))",
    'contract/broker.redis.test.js'],
  ['no dedupe by key', 'redis/scripts.js', "if digest ~= '' then\n  local seen", 'if false then\n  local seen',
    'contract/log.redis.test.js'],
  ['PUBLISH is forgotten', 'redis/scripts.js', "redis.call('PUBLISH', channel, header", "redis.call('ECHO', header",
    'contract/log.redis.test.js'],
  ['no chain check', 'log/sync.js', 'entry.seq === top.seq + 1 && entry.prev === top.id', 'true',
    'unit/log/sync.test.js'],
  ['a restored subscription is not followed by a read', 'broker/redis.js', 'this.#listener?.onRestored(batch)', '',
    'cluster/redis-away.test.js'],
  ['the log is read before the room is followed', 'session/join.js',
    'await interest.acquire(name);', 'void interest.acquire(name).catch(() => {});',
    'cluster/two-replicas.test.js'],
  ['a joiner does not read on from its snapshot', 'session/join.js', 'member.readOn()', '', 'unit/session/session.test.js'],
  ['what was replayed is sent again', 'hub/member.js', 'sent.seq === last.seq + 1 && sent.prev === last.id', 'true',
    'unit/hub/member.test.js'],
  ['a slow reader is queued for without bound', 'hub/send-queue.js', 'this.#full = true', 'this.#full = false',
    'gateway/slow-readers.test.js'],
  ['who asks and never reads is read from', 'session/session.js', 'this.#transport.setReading(on)', '',
    'unit/session/session.test.js'],
  ['the car leaves its bounds', 'redis/scripts.js', 'position > tonumber(max)', 'false', 'contract/position.redis.test.js'],
  ['the ack does not stand in its place', 'hub/member.js', 'this.#onWithheld(sent)', '{}',
    'cluster/two-replicas.test.js'],
  ['every origin is let in', 'http/origins.js', 'return url.host === hostOf(url.protocol, host)', 'return true || url.host',
    'gateway/connecting.test.js'],
  ['the query reaches the log', 'http/server.js', "request.url?.split('?', 1)[0]", 'request.url',
    'gateway/connecting.test.js']
]

let survivors = 0
for (const [what, file, from, to, test] of MUTANTS) {
  const path = `build/src/${file}`
  const source = readFileSync(path, 'utf8')
  const mutated = source.replace(from, () => to)
  const outcome = mutated === source ? 'NOT APPLIED' : tryMutant(path, source, mutated, `build/test/${test}`)
  if (outcome !== 'killed') survivors++
  process.stdout.write(`${outcome.padEnd(12)} ${what} (${test})\n`)
}
process.stdout.write(`\n${MUTANTS.length - survivors} of ${MUTANTS.length} mutants killed\n`)
process.exit(survivors === 0 ? 0 : 1)

function tryMutant (path, source, mutated, test) {
  writeFileSync(path, mutated)
  try {
    const { status } = spawnSync(process.execPath, [test], { stdio: 'ignore', timeout: 120_000 })
    return status === 0 ? 'SURVIVED' : 'killed'
  } finally {
    writeFileSync(path, source)
  }
}
