// Breaks the compiled code, and nginx.conf, on purpose, one promise at a time, and expects a test to go red. A mutant that
// survives means that nothing holds that promise: `npm run mutants` ends with 1 then. `npm run mutants -- nginx` tries only
// those with this in their descriptions.
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'

const NGINX = '../nginx.conf'

/** What is broken, in which file (of build/src), what is replaced by what, and the test that must notice. */
const MUTANTS = [
  ['a Redis user with too few rights is ready', 'redis/connections.js',
    "if (this.#denied !== '')\n            return `the Redis user", 'if (false)\n            return `the Redis user', 'cluster/redis-acl.test.js'],
  ['a right to a database comes too late for the connection', 'redis/connections.js',
    'redis.disconnect(true);\n    }', ';\n    }', 'cluster/redis-acl.test.js'],
  ['a message may have any number of fragments', 'http/upgrade.js', 'maxFragments: 64', 'maxFragments: 0', 'conformance/direct.test.js'],
  ['compression is agreed on though it is off', 'http/upgrade.js', 'services.deflater !== undefined && DEFLATE', 'DEFLATE', 'conformance/direct.test.js'],
  ['binary frames are taken for text', 'session/session.js', 'if (isBinary)', 'if (false)', 'conformance/direct.test.js'],
  ['a binary frame is closed with another code', 'protocol/codes.js', 'code: 1003', 'code: 1008', 'conformance/clients.test.js'],
  ['a token without an end is believed', 'auth/tokens.js', "requiredClaims: ['sub', 'exp']", 'requiredClaims: []',
    'gateway/token-attacks.test.js'],
  ['a token that has ended keeps its connection', 'session/credentials.js', 'this.#holder.onTokenEnded()', '{}', 'unit/session/credentials.test.js'],
  ['rooms that a token no longer allows are kept', 'session/authenticate.js', 'session.depart(room)', '', 'gateway/renewing.test.js'],
  ['an order in a log that is new to a replica is skipped', 'session/orders.js', 'if (!isFirst)', 'if (false)', 'cluster/disconnect.test.js'],
  ['one message that cannot be stored takes the others of its turn with it', 'redis/scripts.js', "if n == 1 and not isStored and (code == 'OOM'",
    "if true or (code == 'OOM'", 'contract/log-refused.redis.test.js'],
  ['members of a room do not share what came in one turn', 'hub/room.js', 'if (this.#batch?.isOpen !== true)', 'if (true)', 'unit/hub/room.test.js'],
  ['a slow Redis switches the limit over HTTP off', 'http/rate-limit.js', 'counted ?? ownCount(address)', 'counted ?? { count: 0, leftMs: 0 }', 'gateway/limits.test.js'],
  ['what is asked behind a fresh token is judged by the old one', 'session/requests.js', 'const renewing = this.#renewing', 'const renewing = undefined',
    'gateway/limits.test.js'],
  ['joined before SUBSCRIBE is confirmed', 'broker/redis.js',
    'await this.#subscribes.add(room)', 'void this.#subscribes.add(room).catch(() => {})',
    'cluster/two-replicas.test.js'],
  ["a room's message leaks to another room", 'broker/redis.js',
    'this.#keys.roomOf(channel), envelope', '[...this.#rooms][0], envelope', 'contract/broker.redis.test.js'],
  ['a lost unsubscribe', 'broker/redis.js',
    'await ask(subscriber, () => subscriber.unsubscribe(this.#keys.channel(room)))', '',
    'contract/broker.redis.test.js'],
  ['local echo without Redis: an order that differs between replicas', 'broker/redis.js',
    'return await this.#signals.add({ channel, payload })',
    "{ this.#listener?.onEnvelope(room, { kind: 'signal', signal: { ...signal, content: Buffer.from(signal.content) } }); return await this.#signals.add({ channel, payload }) }",
    'contract/broker.redis.test.js'],
  ['the sender is echoed to without Redis', 'session/commands.js',
    'async function append(session, room, draft) {',
    'async function append(session, room, draft) { session.services.hub.get(room)?.signal({ ...draft, content: Buffer.from(draft.content), timestampMs: 0 });',
    'gateway/rooms.test.js'],
  ['no dedupe by key', 'redis/scripts.js', "if digest ~= '' then\n  local seen", 'if false then\n  local seen',
    'contract/log.redis.test.js'],
  ['PUBLISH is forgotten', 'redis/scripts.js', "redis.call('PUBLISH', channel, header", "redis.call('ECHO', header",
    'contract/log.redis.test.js'],
  ['PUBLISH comes before XADD', 'redis/scripts.js', "redis.call('XADD', stream,",
    "redis.call('PUBLISH', (string.gsub(stream, ':s$', ':c')), table.concat({ '1 E', seq, epoch, id, prev, time }, ' ') .. '\\n' .. body)\n  redis.call('XADD', stream,",
    'contract/log-refused.redis.test.js'],
  ['memory is full, and a new room is begun all the same', 'redis/scripts.js',
    "if redis.call('EXISTS', stream) == 1 then redis.call('DEL', stream) end", "redis.call('DEL', stream)",
    'contract/log-refused.redis.test.js'],
  ['no buffer while a room is read', 'log/sync.js', 'this.#hold(envelope.entry)', '{}', 'unit/log/sync.test.js'],
  ['the chain is checked by number alone', 'log/sync.js', 'entry.seq === top.seq + 1 && entry.prev === top.id',
    'entry.seq === top.seq + 1', 'unit/log/sync.test.js'],
  ['a cursor is recovered from without its id', 'hub/ring.js', 'sameCursor(here, place)', 'true',
    'property/recovery.memory.test.js'],
  ['a join believes the ring, though the log is another', 'hub/room.js', ' || !this.#ring.has(upTo)', '',
    'property/recovery.memory.test.js'],
  ['the rings remember longer than the log', 'hub/ring.js', 'performance.now() - this.#storedMs[index] >= this.#maxAgeMs',
    'false', 'contract/recovery.redis.test.js'],
  ['a crowd that comes back reads the log one by one', 'log/shared-reads.js', 'this.#nextTop ??= this.#readTop()',
    'this.#nextTop = this.#askTop()', 'cluster/resume.test.js'],
  ['quiet rooms are not compared with their log', 'log/idle-check.js', '() => this.#compare(quiet', 'async () => void (quiet',
    'property/recovery.memory.test.js'],
  ['a deaf subscriber is not found', 'broker/probe.js', 'this.#line.rebuild()', '', 'unit/broker/probe.test.js'],
  ['what got no reply is sent again without a word', 'redis/connections.js',
    'maxRetriesPerRequest: 0,\n    autoResendUnfulfilledCommands: false', 'maxRetriesPerRequest: 20', 'fault/redis-refuses.test.js'],
  ['a Redis that does not answer counts as there', 'redis/connections.js', 'performance.now() - (answeredMs.get(redis) ?? -Infinity) < UNANSWERED_MS',
    'true', 'fault/redis-refuses.test.js'],
  ['broadcasts do not wait for the cursor', 'session/session.js', 'member.hold()', '', 'unit/session/session.test.js'],
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
  ["a stranger's text commands the terminal", 'cli/terminal.js', 'return text.replace(UNPRINTABLE,', 'return text.replace(/$^/g,', 'unit/cli/terminal.test.js'],
  ['a line of a stranger passes for another one', 'cli/feed.js', "' '.repeat(indent)", "''", 'unit/cli/terminal.test.js'],
  ['an eviction policy that loses logs is no fault', 'cli/doctor/redis.js', "policy.startsWith('allkeys-')", 'false', 'cluster/doctor.test.js'],
  ['a proxy that does not stick is not noticed', 'cli/doctor/replicas.js', 'replicas === 1', 'true', 'cluster/doctor.test.js'],
  ['a token that has expired is not noticed', 'cli/doctor/token.js', 'nowS > exp + LEEWAY_S', 'false', 'cluster/doctor.test.js'],
  ['a bench counts no loss', 'cli/bench/crowd.js', 'missing += Math.max(0, room.acked - delivered)', '{}', 'unit/cli/bench.test.js'],
  ['whoever reads the output has gone, and nobody minds', 'cli/main.js', "process.stdout.on('error', onOutputError)", "process.stdout.on('error', () => {})", 'gateway/cli.test.js'],
  ['a refusal ends with 0', 'cli/session.js', "=== 'aborted'", "!== ''", 'gateway/cli.test.js'],
  ['the car leaves its bounds', 'redis/scripts.js', 'position > tonumber(max)', 'false', 'contract/position.redis.test.js'],
  ['the ack does not stand in its place', 'hub/member.js', 'this.#owner.passWithheld(sent)', '{}',
    'cluster/two-replicas.test.js'],
  ['every origin is let in', 'http/origins.js', 'return url.host === hostOf(url.protocol, host)', 'return true || url.host',
    'gateway/origins.test.js'],
  ['the query reaches the log', 'http/server.js', "request.url?.split('?', 1)[0]", 'request.url',
    'gateway/no-secrets.test.js'],
  ['a drain sends everyone away at once', 'session/sessions.js', 'Math.floor(index * windowMs / sessions.length)', '0',
    'unit/session/sessions.test.js'],
  ['a slot ends as it begins', 'session/session.js', 'afterMs + LET_GO_MS', 'afterMs', 'gateway/lifecycle.test.js'],
  ['what is under way is not answered before the close', 'session/session.js', 'await this.#requests.idle()', '',
    'unit/session/session.test.js'],
  ['clients that never answer hold up the end', 'session/sessions.js', 'session.terminate()', '',
    'unit/session/sessions.test.js'],
  ['who drains lets clients in', 'replica.js', "return 'draining'", 'return undefined', 'gateway/lifecycle.test.js'],
  ['connections have no age', 'session/sessions.js', 'nowMs >= oldMs', 'false', 'unit/session/sessions.test.js'],
  ['nginx sticks to a replica that drains', NGINX, 'error timeout http_503', 'error timeout', 'cluster/nginx.test.js'],
  ['nginx says that nothing was done where nobody knows', NGINX, 'error_page 502 504 = $failed',
    'error_page 502 504 = @unreachable', 'cluster/nginx.test.js'],
  ['nginx does not stick', NGINX, 'hash $sticky consistent', 'random', 'cluster/behind-nginx.test.js'],
  ["nginx believes a client's word of its address", NGINX, 'For $remote_addr', 'For $proxy_add_x_forwarded_for',
    'cluster/nginx.test.js'],
  ["tokens reach nginx's access log", NGINX, '"uri":"$uri"', '"uri":"$request_uri"', 'cluster/nginx.test.js'],
  ["tokens reach nginx's error log", NGINX, 'error_log stderr emerg', 'error_log stderr crit', 'cluster/nginx.test.js'],
  ['nginx reads ahead for slow readers of events', NGINX, 'proxy_buffering off', 'proxy_buffering on', 'cluster/nginx.test.js'],
  ['nginx cuts connections soon after a reload', NGINX, 'worker_shutdown_timeout 80m', 'worker_shutdown_timeout 1s',
    'cluster/behind-nginx.test.js'],
  ['a webhook target that redirects is taken at its word', 'webhooks/webhooks.js', 'outcome.status < 300', 'outcome.status < 400', 'gateway/webhooks.test.js'],
  ['a batch that a webhook target does not take is given up', 'webhooks/webhooks.js', 'if (failure !== undefined)', 'if (false)',
    'gateway/webhooks.test.js'],
  ['the answer of a webhook target is read for ever', 'webhooks/post.js', 'setTimeout(() => request.destroy(), ANSWER_MS)', 'undefined',
    'gateway/webhooks.test.js'],
  ['a webhook target that hangs is waited for for ever', 'webhooks/post.js', '}, timeoutMs);', '}, 2 ** 30);', 'gateway/webhooks.test.js'],
  ["a webhook's whole address is logged", 'webhooks/webhooks.js', 'host: settings.url.host', 'host: settings.url.href', 'gateway/webhooks.test.js'],
  ['what ends with the gateway is not told to the webhook', 'webhooks/webhooks.js', 'while (restMs === 0 &&', 'while (false &&', 'gateway/webhooks.test.js'],
  ['a webhook is signed without its id', 'webhooks/message.js', 'update(`$' + '{id}.', 'update(`', 'unit/webhooks/message.test.js'],
  ['two replicas deliver to the webhook at once', 'redis/webhook-scripts.js', 'if held[1] and held[1] ~= me', 'if false and held[1] ~= me',
    'contract/events.redis.test.js'],
  ['a batch for the webhook is another one when it comes again', 'redis/webhook-scripts.js', 'local isNew = last < head', 'local isNew = true',
    'contract/events.redis.test.js'],
  ['what was cut off is not counted as lost to the webhook', 'redis/webhook-scripts.js', 'math.max(0, head - done - 1)', '0',
    'contract/events.redis.test.js'],
  ['the webhook hears that a room is vacated whoever leaves', 'redis/presence-scripts.js', 'before > 0 and after == 0', 'before > 0',
    'contract/events.redis.test.js'],
  ['the webhook hears nothing of rooms whose users are only counted', 'redis/presence-scripts.js', 'if not before[n] then come',
    "if not before[n] and name ~= '' then come", 'contract/events.redis.test.js'],
  ['the webhook hears nothing of what a killed replica held', 'redis/presence-scripts.js', 'tell(room, before, {}, named(release(room.users, names)), outside)',
    'release(room.users, names)', 'cluster/webhooks.test.js'],
  ['whoever takes over tries the webhook target at once', 'redis/webhook-scripts.js', 'local restMs = math.max(0, tonumber(s[5] or 0) - now)', 'local restMs = 0',
    'contract/events.redis.test.js'],
  ['a late word of a delivery removes what a Redis that went back has under its number', 'redis/webhook-scripts.js',
    'or entry and entry[2][2] ~= ARGV[2]', '', 'contract/events.redis.test.js'],
  ['a full webhook queue grows', 'webhooks/memory.js', 'table.waiting.length > this.#options.maxWaiting', 'false', 'contract/events.memory.test.js'],
  ['embedded: a hook that hangs lets its message through', 'session/hook-calls.js', 'decided === LATE ? this.#failed(', 'decided === LATE ? { content: \'1\' } : false ? (',
    'embed/hooks.test.js'],
  ['embedded: a hook that hangs is waited for', 'session/hook-calls.js', 'Promise.race([decided, late])', 'decided', 'embed/hooks.test.js'],
  ['embedded: one connection has any number of hooks decide', 'session/session.js', 'MAX_DECISIONS = 8', 'MAX_DECISIONS = 800', 'embed/hooks.test.js'],
  ['embedded: what is published over HTTP passes no hook', 'http/publishing.js', 'hooks === undefined', 'true', 'embed/hooks.test.js'],
  ['embedded: broadcasts pass no hook', 'session/commands.js', 'hooks === undefined ? broadcast', 'true ? broadcast', 'embed/hooks.test.js'],
  ['embedded: a key stands for what a hook made of a message', 'log/memory.js', 'draft.sent ?? draft.content', 'draft.content', 'embed/hooks.test.js'],
  ['embedded: a cookie that is refused looks like a broken network', 'http/access.js', '|| auth?.identify !== undefined', '', 'embed/hooks.test.js'],
  ['embedded: other listeners hear of our upgrades', 'http/upgrades.js', 'take(request, socket, head);\n', 'take(request, socket, head);\n        emit(event, ...args);\n',
    'embed/plugin.test.js'],
  ['embedded: upgrades that are nobody\'s hang', 'http/guest.js', 'host.routing(request, response)', '{}', 'embed/plugin.test.js'],
  ['embedded: app.close() cuts connections off', 'embed/plugin.js', "host.addHook('preClose', async () => await replica.drain())", "host.addHook('preClose', async () => await replica.stop(0))",
    'embed/plugin.test.js'],
  ['embedded: requests with their tokens are in the app\'s log', 'http/guest.js', "logLevel: 'silent'", "logLevel: 'debug'", 'embed/plugin.test.js'],
  ['client: tokens are renewed when they have ended', 'client/tokens.js', 'Math.min(LONGEST_LEAD_MS, leftMs / 4)', '0', 'client/tokens.test.js'],
  ['client: a getToken that fails is not asked again', 'client/tokens.js', 'this.#renewIn(backoffMs(', 'void (backoffMs(', 'client/tokens.test.js'],
  ['client: what may be in a lost log is published again', 'client/channel.js', 'this.#listener.onLogLost(this.name)', '{}', 'client/lost-keys.test.js'],
  ['client: what has no answer is sent again after its key is forgotten', 'client/outbox.js', 'nowMs - head.unknownMs > KNOWN_MS', 'false', 'client/lost-keys.test.js'],
  ['client: signals of live rooms are told by both connections', 'client/overlap.js', 'count <= (this.#delivered.get(text) ?? 0)', 'false', 'client/kinds.test.js'],
  ['client: the jumps of latest rooms are gaps', 'client/continuity.js', 'if (replay !== top.seq - since.seq)', 'if (false)', 'client/kinds.test.js'],
  ['embedded: a publisher stores what is of a live room', 'embed/publisher.js', 'ruleOf(room).kind', "'log'", 'embed/publisher.test.js'],
  ['embedded: code shares keys with users', 'embed/outbox.js', "SCOPE = 'server'", "SCOPE = 'user:server'", 'embed/publisher.test.js']
]

// A Ctrl-C ends the test that runs, and then this: what is broken is mended first.
process.on('SIGINT', () => {})

const chosen = MUTANTS.filter(([what]) => what.includes(process.argv[2] ?? ''))
let survivors = 0
for (const [what, file, from, to, test] of chosen) {
  const path = `build/src/${file}`
  const source = readFileSync(path, 'utf8')
  const mutated = source.replace(from, () => to)
  const outcome = mutated === source ? 'NOT APPLIED' : tryMutant(path, source, mutated, `build/test/${test}`)
  if (outcome !== 'killed') survivors++
  process.stdout.write(`${outcome.padEnd(12)} ${what} (${test})\n`)
}
process.stdout.write(`\n${chosen.length - survivors} of ${chosen.length} mutants killed\n`)
process.exit(survivors === 0 ? 0 : 1)

function tryMutant (path, source, mutated, test) {
  writeFileSync(path, mutated)
  try {
    const { status, signal } = spawnSync(process.execPath, [test], { stdio: 'ignore', timeout: 180_000 })
    if (signal !== 'SIGINT') return status === 0 ? 'SURVIVED' : 'killed'
  } finally {
    writeFileSync(path, source)
  }
  process.exit(130)
}
