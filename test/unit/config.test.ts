import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ConfigError } from '../../src/config-error.ts'
import { type Config, loadConfig } from '../../src/config.ts'

type Env = Readonly<Record<string, string | undefined>>

/** What is wrong with these settings. */
function problems (env: Env): readonly string[] {
  try {
    loadConfig(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

t.test('without settings the gateway runs by its defaults', (t) => {
  const { replica, rules, files, ...config } = loadConfig({})
  const expected: Omit<Config, 'replica' | 'rules' | 'files'> = {
    port: 8080,
    host: '0.0.0.0',
    redis: undefined,
    redisPrefix: 'tg:',
    workers: 1,
    tokens: undefined,
    allowedOrigins: [],
    trustProxy: ['loopback'],
    maxMessageBytes: 65_536,
    sendQueueBytes: 262_144,
    flushMs: 0,
    deflateBytes: Infinity,
    presenceLeaseMs: 5_000,
    presenceGraceMs: 3_000,
    stallTimeoutMs: 30_000,
    maxConnections: 20_000,
    maxConnectionsPerAddress: 200,
    maxRooms: 100_000,
    maxRoomsPerConnection: 128,
    requestsPerSecond: 50,
    publishesPerSecond: 20,
    bytesPerSecond: 20 * 65_536,
    userPublishesPerSecond: 100,
    httpRequestsPerSecond: 100,
    connectionsPerSecond: 500,
    maxLoopDelayMs: 200,
    pingIntervalMs: 25_000,
    drainMs: 20_000,
    maxConnectionAgeMs: Infinity,
    webhooks: undefined,
    positionBounds: { min: -Number.MAX_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER },
    logLevel: 'info'
  }
  t.strictSame(config, expected)
  t.match(replica, /^[A-Za-z0-9_.:-]{6,64}$/)
  t.strictSame({ ...files, secret: '' }, {
    store: { disk: { dir: undefined, maxBytes: 2 ** 30, maxAgeMs: 86_400_000 } }, maxBytes: 10 * 2 ** 20, perMinute: 30, secret: ''
  })
  t.match(rules.of('general'), { kind: 'log', retention: { maxEntries: 500, maxAgeMs: 900_000 } })
  t.end()
})

t.test('two replicas of one host have two names', (t) => {
  t.not(loadConfig({}).replica, loadConfig({}).replica)
  t.end()
})

t.test('settings are read from text', (t) => {
  t.match(loadConfig({
    PORT: '0',
    HOST: '::1',
    REPLICA: 'gw-1',
    POSITION_MIN: '-5',
    POSITION_MAX: '-5',
    LOG_LEVEL: 'debug',
    TRUST_PROXY: '10.0.0.0/10, ::1/128,uniquelocal,192.168.0.1'
  }), {
    port: 0,
    host: '::1',
    replica: 'gw-1',
    positionBounds: { min: -5, max: -5 },
    logLevel: 'debug',
    trustProxy: ['10.0.0.0/10', '::1/128', 'uniquelocal', '192.168.0.1']
  })
  t.end()
})

t.test('settings come from what is handed in, not from the process', (t) => {
  t.intercept(process, 'env', { value: { LOG_ENTRIES: '7' } })
  t.equal(loadConfig({}).rules.of('general').retention.maxEntries, 500)
  t.end()
})

t.test('an empty setting is an unset one', (t) => {
  t.match(loadConfig({ PORT: '', REDIS_URL: '', AUTH_SECRET: '', LOG_LEVEL: undefined }),
    { port: 8080, redis: undefined, logLevel: 'info' })
  t.end()
})

t.test('0 turns a limit off', (t) => {
  const limits = {
    SEND_QUEUE_BYTES: 'sendQueueBytes',
    MAX_CONNECTIONS: 'maxConnections',
    MAX_CONNECTIONS_PER_ADDRESS: 'maxConnectionsPerAddress',
    MAX_ROOMS_PER_CONNECTION: 'maxRoomsPerConnection',
    RATE_REQUESTS: 'requestsPerSecond',
    RATE_PUBLISHES: 'publishesPerSecond',
    RATE_CONNECTIONS: 'connectionsPerSecond'
  } as const
  for (const [name, member] of Object.entries(limits)) t.equal(loadConfig({ [name]: '0' })[member], Infinity, name)
  t.end()
})

t.test('for ws and for timers off is 0', (t) => {
  const config = loadConfig({ MAX_MESSAGE_BYTES: '0', STALL_TIMEOUT_MS: '0', PING_INTERVAL_MS: '0', LOG_MAX_AGE_MS: '0' })
  t.match(config, { maxMessageBytes: 0, stallTimeoutMs: 0, pingIntervalMs: 0 })
  t.equal(config.rules.of('general').retention.maxAgeMs, 0)
  t.end()
})

t.test('every bad setting is named in one error, with what it must be', (t) => {
  const env = {
    PORT: '65536',
    LOG_ENTRIES: '0',
    LOG_LEVEL: 'loud',
    RATE_REQUESTS: '-1',
    MAX_CONNECTIONS: 'many',
    PING_INTERVAL_MS: '1.5',
    STALL_TIMEOUT_MS: '2147483648',
    FLUSH_MS: '1001',
    DEFLATE_BYTES: '65537',
    WORKERS: '0',
    AUTH_SECRET: 'secret'
  }
  const found = problems(env)
  t.strictSame([...found].sort(), [
    'AUTH_SECRET: must be at least 32 bytes (openssl rand -base64 48 makes one)',
    'DEFLATE_BYTES: must be an integer of 0 to 65536, not "65537"',
    'FLUSH_MS: must be an integer of 0 to 1000, not "1001"',
    'LOG_ENTRIES: must be an integer of 1 to 1000000, not "0"',
    'LOG_LEVEL: must be one of trace, debug, info, warn, error, fatal, silent, not "loud"',
    'MAX_CONNECTIONS: must be an integer of 0 to 9007199254740991, not "many"',
    'PING_INTERVAL_MS: must be an integer of 0 to 2147483647, not "1.5"',
    'PORT: must be an integer of 0 to 65535, not "65536"',
    'RATE_REQUESTS: must be an integer of 0 to 9007199254740991, not "-1"',
    'STALL_TIMEOUT_MS: must be an integer of 0 to 2147483647, not "2147483648"',
    'WORKERS: must be an integer of 1 to 999, or auto, not "0"'
  ])
  t.throws(() => loadConfig(env), { name: 'ConfigError', message: found.join('\n') })
  t.end()
})

t.test('integers are plain decimal, and nothing else that JavaScript takes for a number', (t) => {
  for (const value of ['0x10', '1e3', ' 5', '5 ', '+5', '5.0', '0b1', '1_000', 'Infinity', 'NaN', '-', 'true', '٥']) {
    t.strictSame(problems({ PORT: value }), [`PORT: must be an integer of 0 to 65535, not ${JSON.stringify(value)}`])
  }
  t.strictSame(problems({ PORT: '0x10', LOG_ENTRIES: '1e3', POSITION_MIN: ' 5', LOG_LEVEL: 'loud', MAX_CONNECTIONS: '-1' })
    .map((problem) => problem.split(':')[0]).sort(), ['LOG_ENTRIES', 'LOG_LEVEL', 'MAX_CONNECTIONS', 'PORT', 'POSITION_MIN'])
  t.end()
})

t.test('messages are kept as the settings say, where no rule says otherwise, for a year at most', (t) => {
  const file = join(t.testdir({ 'rooms.yaml': 'rooms: { a: { entries: 9 } }' }), 'rooms.yaml')
  const { rules } = loadConfig({ LOG_ENTRIES: '7', LOG_MAX_AGE_MS: '31536000000', ROOMS_FILE: file })
  t.match(rules.of('general').retention, { maxEntries: 7, maxAgeMs: 31_536_000_000 })
  t.match(rules.of('a').retention, { maxEntries: 9, maxAgeMs: 31_536_000_000 })
  t.strictSame(problems({ LOG_MAX_AGE_MS: '31536000001' }),
    ['LOG_MAX_AGE_MS: must be an integer of 0 to 31536000000, not "31536000001"'])
  t.end()
})

t.test('faults of the rules file are named in the same error as those of the settings', (t) => {
  const file = join(t.testdir({ 'rooms.yaml': 'rooms: { a: { kind: stream }, "a*b": {} }' }), 'rooms.yaml')
  t.strictSame(problems({ ROOMS_FILE: file, PORT: 'x' }), [
    'PORT: must be an integer of 0 to 65535, not "x"',
    `ROOMS_FILE: ${file}: rooms.a.kind must be equal to one of the allowed values: log, latest, live`,
    `ROOMS_FILE: ${file}: rooms.a*b is no room's name, nor a prefix that ends in *`
  ])
  t.end()
})

t.test('settings that contradict each other are named in the same error as those that are bad alone', (t) => {
  const found = problems({
    POSITION_MIN: '5',
    POSITION_MAX: '4',
    REDIS_URL: 'http://x',
    REDIS_ADDR: 'x:1',
    ALLOWED_ORIGINS: 'x',
    TRUST_PROXY: 'true',
    PORT: 'x'
  })
  t.strictSame(found.map((problem) => problem.split(':')[0]).sort(),
    ['ALLOWED_ORIGINS', 'PORT', 'POSITION_MIN', 'REDIS_ADDR', 'REDIS_URL', 'TRUST_PROXY'])
  t.ok(found.includes('POSITION_MIN: must not be above POSITION_MAX'))
  t.strictSame(problems({ MAX_MESSAGE_BYTES: '127' }), ['MAX_MESSAGE_BYTES: must be 0, for no limit, or at least 128'])
  t.strictSame(problems({ MAX_MESSAGE_BYTES: '128' }), [])
  t.ok(found.includes('REDIS_ADDR: not together with REDIS_URL'))
  t.end()
})

t.test('a setting of later releases is refused, not ignored', (t) => {
  t.strictSame(problems({ REDIS_MODE: 'x' }), ['REDIS_MODE: not supported by this version'])
  t.end()
})

t.test('several workers are a number or auto, and need a Redis', (t) => {
  for (const WORKERS of ['0', '-1', 'x', '1.5', '1000', '02', 'Auto']) {
    t.strictSame(problems({ WORKERS, REDIS_URL: 'redis://redis' }),
      [`WORKERS: must be an integer of 1 to 999, or auto, not "${WORKERS}"`])
  }
  for (const WORKERS of ['2', 'auto']) {
    t.strictSame(problems({ WORKERS }), [`WORKERS: ${WORKERS} needs REDIS_URL or REDIS_ADDR`])
  }
  t.equal(loadConfig({ WORKERS: '1' }).workers, 1)
  t.equal(loadConfig({ WORKERS: '3', REDIS_ADDR: 'redis:6379' }).workers, 3)
  t.equal(loadConfig({ WORKERS: 'auto', REDIS_URL: 'redis://redis' }).workers, availableParallelism())
  const long = 'r'.repeat(64)
  t.equal(loadConfig({ REPLICA: long }).replica, long)
  t.strictSame(problems({ REPLICA: long, WORKERS: '10', REDIS_URL: 'redis://redis' }),
    ['REPLICA: must be at most 61 characters with WORKERS, whose names end in a number'])
  t.equal(loadConfig({ REPLICA: long.slice(3), WORKERS: '10', REDIS_URL: 'redis://redis' }).workers, 10)
  t.end()
})

t.test('Redis is named by a URL, or by its parts', (t) => {
  t.strictSame(loadConfig({ REDIS_URL: 'rediss://u:p@redis:6380/2' }).redis,
    { url: 'rediss://u:p@redis:6380/2', password: undefined, db: undefined })
  t.strictSame(loadConfig({ REDIS_ADDR: 'redis:6379', REDIS_PASS: 'p', REDIS_DB: '2' }).redis,
    { url: 'redis://redis:6379', password: 'p', db: 2 })
  t.end()
})

t.test('what is no URL of Redis, and no address of one, is refused', (t) => {
  for (const url of ['redis', 'http://redis:6379', 'redis://', 'redis:6379']) {
    t.strictSame(problems({ REDIS_URL: url }), ['REDIS_URL: must be redis://host:port or rediss://host:port (a user or password in it percent-encoded)'], url)
  }
  const addresses = [
    'redis', 'redis:', ':6379', 'redis:x', 'a b:1', 'redis:65536', 'redis:99999', 'redis:-1', 'redis:6379/2', 'redis:6379?x',
    'redis:6379#x', 'a/b:1', 'a?b:1', 'a#b:1', 'user@redis:6379', 'u:p@redis:6379', 'redis://redis:6379', '::1:6379', '[::1]'
  ]
  for (const addr of addresses) t.strictSame(problems({ REDIS_ADDR: addr }), ['REDIS_ADDR: must be host:port'], addr)
  t.end()
})

t.test('an address of Redis is a name or an IP address, and a port', (t) => {
  for (const addr of ['redis:6379', 'redis-1.example.org:1', '10.0.0.1:65535', '[::1]:6379']) {
    t.equal(loadConfig({ REDIS_ADDR: addr }).redis?.url, `redis://${addr}`)
  }
  t.end()
})

t.test('a password or a database without a Redis is refused: it would run alone', (t) => {
  t.strictSame(problems({ REDIS_PASS: 'hunter2', REDIS_DB: '2' }),
    ['REDIS_PASS: needs REDIS_URL or REDIS_ADDR', 'REDIS_DB: needs REDIS_URL or REDIS_ADDR'])
  t.strictSame(problems({ REDIS_DB: '0' }), [])
  t.end()
})

t.test('limits of bytes, and of users, follow those of publishes unless they are given', (t) => {
  t.match(loadConfig({ RATE_PUBLISHES: '2', MAX_MESSAGE_BYTES: '200' }), { bytesPerSecond: 400, userPublishesPerSecond: 10 })
  t.match(loadConfig({ RATE_PUBLISHES: '0' }), { bytesPerSecond: Infinity, userPublishesPerSecond: Infinity })
  t.match(loadConfig({ MAX_MESSAGE_BYTES: '0' }), { bytesPerSecond: Infinity, userPublishesPerSecond: 100 })
  t.match(loadConfig({ RATE_BYTES: '0', RATE_USER_PUBLISHES: '7' }), { bytesPerSecond: Infinity, userPublishesPerSecond: 7 })
  t.strictSame(problems({ RATE_BYTES: '1e3' }), ['RATE_BYTES: must be an integer of at least 0, not "1e3"'])
  t.end()
})

t.test('tokens are checked by a secret, by keys, or by both', (t) => {
  const secret = 'x'.repeat(32)
  const none = { secret: undefined, jwksUrl: undefined, issuer: undefined, audience: undefined }
  t.strictSame(loadConfig({ AUTH_SECRET: secret }).tokens, { ...none, secret })
  const jwksUrl = 'https://issuer.example/jwks.json'
  t.strictSame(loadConfig({ AUTH_SECRET: secret, AUTH_JWKS_URL: jwksUrl, AUTH_ISSUER: 'i', AUTH_AUDIENCE: 'a' }).tokens,
    { secret, jwksUrl, issuer: 'i', audience: 'a' })
  t.end()
})

t.test('a secret that is too short, and an address that is none, are refused, and not repeated', (t) => {
  t.strictSame(problems({ AUTH_SECRET: 'hunter2'.repeat(4) }), ['AUTH_SECRET: must be at least 32 bytes (openssl rand -base64 48 makes one)'])
  for (const url of ['issuer', 'file:///etc/keys', 'ftp://x/y', '//issuer.example']) {
    t.strictSame(problems({ AUTH_JWKS_URL: url }), ['AUTH_JWKS_URL: must be https://… (or http://… in a network that can be trusted)'])
  }
  t.end()
})

t.test('an issuer or an audience alone is refused: the gateway would stand open', (t) => {
  t.strictSame(problems({ AUTH_REQUIRED: '1' }), ['AUTH_REQUIRED: needs AUTH_SECRET or AUTH_JWKS_URL'])
  t.strictSame(problems({ AUTH_REQUIRED: '1', AUTH_SECRET: 'x'.repeat(32) }), [])
  t.strictSame(problems({ AUTH_SECRET: ' '.repeat(40) }).length, 1, 'nothing but spaces is no secret')
  t.strictSame(problems({ AUTH_ISSUER: 'i', AUTH_AUDIENCE: 'a' }),
    ['AUTH_ISSUER: needs AUTH_SECRET or AUTH_JWKS_URL', 'AUTH_AUDIENCE: needs AUTH_SECRET or AUTH_JWKS_URL'])
  t.end()
})

t.test('no message repeats a password', (t) => {
  const bad = [
    { REDIS_URL: 'http://user:hunter2@redis:6379' },
    { REDIS_URL: 'redis://user:hunter2@' },
    { REDIS_URL: 'redis://:hunter2@redis:6379', REDIS_ADDR: 'redis:6379' },
    { REDIS_ADDR: 'redis:6379', REDIS_PASS: 'hunter2', PORT: 'x' },
    { REDIS_ADDR: 'user:hunter2@redis:6379' },
    { REDIS_ADDR: 'redis://:hunter2@redis:6379' },
    { REDIS_ADDR: 'redis:hunter2' },
    { REDIS_PASS: 'hunter2' },
    { ALLOWED_ORIGINS: 'https://good.com,ftp://user:hunter2@good.com' },
    { ALLOWED_ORIGINS: 'https://user:hunter2@bad host' },
    { ALLOWED_ORIGINS: 'ftp://user:hun@hunter2@good.com' },
    { AUTH_SECRET: 'hunter2' }
  ]
  for (const env of bad) {
    const found = problems(env)
    t.ok(found.length > 0)
    t.notMatch(found.join('\n'), /hunter2/)
  }
  t.end()
})

t.test('origins are listed as URL serialises them', (t) => {
  const { allowedOrigins } = loadConfig({ ALLOWED_ORIGINS: 'HTTPS://Example.org:443/ , http://a.b:8080,null,,*' })
  t.strictSame(allowedOrigins, ['https://example.org', 'http://a.b:8080', 'null', '*'])
  t.end()
})

t.test('what is no origin is refused, each by its own name', (t) => {
  t.strictSame(problems({ ALLOWED_ORIGINS: 'example.org,https://good.com,ftp://x,*.example.org' }), [
    'ALLOWED_ORIGINS: must be origins such as https://example.org, or *, not "example.org"',
    'ALLOWED_ORIGINS: must be origins such as https://example.org, or *, not "ftp://x"',
    'ALLOWED_ORIGINS: must be origins such as https://example.org, or *, not "*.example.org"'
  ])
  t.end()
})

t.test('proxies are trusted by address, never by a number or by yes', (t) => {
  const proxies = [
    'true', '1', '*', '10.0.0.0/33', '::1/129', '10.0.0.0/', '10.0.0.0/x', '10.0.0.0/8/9', '10.0.0.0/8/', '10.0.0.0/-8', '10.0.0.0/8.0', '/8', '10.0.0/8', 'loopback/8', 'proxy'
  ]
  for (const proxy of proxies) {
    t.strictSame(problems({ TRUST_PROXY: proxy }),
      [`TRUST_PROXY: must be addresses, CIDRs, loopback, linklocal or uniquelocal, not "${proxy}"`])
  }
  t.end()
})

t.test('a prefix of Redis keys holds no braces, which are its hash tags', (t) => {
  t.match(problems({ REDIS_PREFIX: 'a{b}:' }), [/^REDIS_PREFIX: /])
  t.equal(loadConfig({ REDIS_PREFIX: 'staging:' }).redisPrefix, 'staging:')
  t.end()
})

t.test('files are shared where all replicas find them, and nowhere else', async (t) => {
  const REDIS_URL = 'redis://127.0.0.1:6379'
  const S3 = { FILES_S3_URL: 'http://minio:9000/files/', FILES_S3_KEY_ID: 'id', FILES_S3_SECRET: 'secret' }
  t.equal(loadConfig({ FILES: 'off' }).files, undefined)
  t.equal(loadConfig({ REDIS_URL }).files, undefined, 'a temporary folder of each replica would be none of the others')
  t.equal(loadConfig({ REDIS_URL, FILES: 'off', FILES_DIR: '/files' }).files, undefined)
  t.match(loadConfig({ REDIS_URL, FILES_DIR: '/files' }).files, { store: { disk: { dir: '/files' } }, secret: undefined })
  t.match(loadConfig({ REDIS_URL, FILES_DIR: '/files', AUTH_SECRET: 'a'.repeat(32) }).files, { secret: 'a'.repeat(32) })
  const s3 = { url: 'http://minio:9000/files', region: 'us-east-1', keyId: 'id', secret: 'secret' }
  t.strictSame(loadConfig({ REDIS_URL, ...S3 }).files?.store, { s3 })
  t.match(loadConfig({}).files?.secret, /.{40}/, 'a replica that is alone makes a secret of its own')
})

t.test('settings for files that cannot be meant are refused, and no secret is repeated', async (t) => {
  t.strictSame(problems({ FILES_SECRET: 'short' }), ['FILES_SECRET: must be at least 32 bytes (openssl rand -base64 48 makes one)'])
  t.match(problems({ FILES: 'on' }), [/^FILES: must be one of auto, off/])
  t.match(problems({ FILES_S3_SECRET: 'x' }), ['FILES_S3_SECRET: needs FILES_S3_URL'])
  t.match(problems({ FILES_S3_KEY_ID: 'x' }), ['FILES_S3_KEY_ID: needs FILES_S3_URL'])
  for (const url of ['minio', 'ftp://a/b', 'https://a', 'https://a/', 'https://u:hidden@a/b', 'https://a/b?hidden']) {
    const found = problems({ FILES_S3_URL: url, FILES_DIR: '/files' })
    t.strictSame(found.map((each) => each.split(':')[0]), ['FILES_S3_KEY_ID', 'FILES_S3_SECRET', 'FILES_S3_URL', 'FILES_DIR'])
    t.notMatch(found.join(), /hidden/)
  }
})

t.test('webhooks need an address and a secret that is one, and say what is wrong without repeating either', async (t) => {
  const good = { WEBHOOK_URL: 'https://example.com/hook', WEBHOOK_SECRET: `whsec_${Buffer.alloc(24, 'x').toString('base64')}` }
  t.strictSame(problems(good), [])
  t.strictSame(loadConfig(good).webhooks?.wanted, 'ovjl')
  t.strictSame(loadConfig({ ...good, WEBHOOK_EVENTS: 'member.left, room.occupied' }).webhooks?.wanted, 'ol')
  const two = `${good.WEBHOOK_SECRET},whsec_${Buffer.alloc(64, 'y').toString('base64')}`
  t.strictSame(loadConfig({ ...good, WEBHOOK_SECRET: two }).webhooks?.secrets.map(({ length }) => length), [24, 64])
  const secret = 'WEBHOOK_SECRET: must be whsec_ and base64 of 24 to 64 bytes (echo "whsec_$(openssl rand -base64 32)" makes one), ' +
    'or up to 4 of these with commas'
  const bad = [
    'hunter2', 'whsec_', 'whsec_hunter2', `whsec_${Buffer.alloc(23).toString('base64')}`, `whsec_${Buffer.alloc(65).toString('base64')}`,
    `${good.WEBHOOK_SECRET},hunter2`, good.WEBHOOK_SECRET.slice(6), Array(5).fill(good.WEBHOOK_SECRET).join(), ','
  ]
  for (const each of bad) t.strictSame(problems({ ...good, WEBHOOK_SECRET: each }), [secret], each)
  t.strictSame(problems({ WEBHOOK_URL: good.WEBHOOK_URL }), [secret], 'nothing is sent that is not signed')
  for (const url of ['hunter2', 'ftp://hunter2', 'example.com/hook']) {
    t.strictSame(problems({ ...good, WEBHOOK_URL: url }),
      ['WEBHOOK_URL: must be https://… (or http://… in a network that can be trusted)'])
  }
  t.strictSame(problems({ WEBHOOK_SECRET: 'hunter2', WEBHOOK_EVENTS: 'x' }),
    ['WEBHOOK_SECRET: needs WEBHOOK_URL', 'WEBHOOK_EVENTS: needs WEBHOOK_URL'])
  t.strictSame(problems({ ...good, WEBHOOK_EVENTS: 'member.left,member.gone', WEBHOOK_QUEUE: '0', WEBHOOK_TIMEOUT_MS: '5' }), [
    'WEBHOOK_TIMEOUT_MS: must be an integer of 100 to 60000, not "5"',
    'WEBHOOK_QUEUE: must be an integer of 1 to 1000000, not "0"',
    'WEBHOOK_EVENTS: must be a list of room.occupied, room.vacated, member.joined, member.left, not "member.gone"'
  ])
})
