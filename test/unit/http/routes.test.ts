import Fastify from 'fastify'
import t from 'tap'
import { MemoryBroker, MemoryBus } from '../../../src/broker/memory.ts'
import { FileCounts } from '../../../src/files/counts.ts'
import { DiskFiles } from '../../../src/files/disk.ts'
import { Admission } from '../../../src/http/admission.ts'
import { createServer } from '../../../src/http/server.ts'
import { MemoryLog } from '../../../src/log/memory.ts'
import { Metrics } from '../../../src/metrics/metrics.ts'
import { MemoryPosition } from '../../../src/position/memory.ts'
import { MemoryReplicas } from '../../../src/replicas/memory.ts'
import { MemoryQuota } from '../../../src/quota/memory.ts'
import { Orders } from '../../../src/session/orders.ts'
import { Sessions } from '../../../src/session/sessions.ts'
import { DOORS, PUBLIC_ROUTES } from '../../helpers/doors.ts'
import { startServices } from '../../helpers/services.ts'

const KEEP = { maxEntries: 1, maxAgeMs: 0, latestOnly: false }
const LIMITS = {
  allowedOrigins: [], maxConnections: 1, maxConnectionsPerAddress: 1, connectionsPerSecond: 1, maxLoopDelayMs: Infinity
}

/** What is for people, or is the documents themselves. */
const UNDOCUMENTED = [
  '/', '/chat', '/dashboard', '/favicon.ico', '/assets/*', '/docs', '/docs/', '/docs/json', '/docs/yaml',
  '/docs/static/*', '/docs/static/index.html', '/docs/static/swagger-initializer.js', '*'
]

/** `GET /position`, and so on, out of the tree that Fastify prints: a part of a path on each line. */
function routesOf (tree: string): string[] {
  const path: string[] = []
  return tree.trimEnd().split('\n').flatMap((line) => {
    const at = line.search(/[├└]── /)
    const [, part = '', methods = ''] = /^(.*?) ?(?:\(([A-Z, ]+)\))?$/.exec(line.slice(at + 4))!
    path.length = Math.ceil(at / 4)
    path.push(part === '(empty root node)' ? '' : part)
    return methods === '' ? [] : methods.split(', ').map((method) => `${method} ${path.join('')}`)
  })
}

t.test('every route is known to the table of permissions, or known to be public, and documented', async (t) => {
  const bus = new MemoryBus()
  const log = new MemoryLog(bus, () => KEEP)
  const position = new MemoryPosition(bus, log, { min: 0, max: 1 })
  const { services, interest } = await startServices(
    { broker: new MemoryBroker(bus), log, position }, { retention: KEEP }
  )
  const app = await createServer({
    logger: Fastify().log,
    trustProxy: [],
    allowedOrigins: [],
    requestsPerSecond: Infinity,
    maxConnectionsPerAddress: Infinity,
    quota: new MemoryQuota(),
    replicas: new MemoryReplicas(),
    orders: new Orders(log),
    services,
    admission: new Admission(LIMITS, () => undefined, { meanMs: 0 }, () => 0),
    sessions: new Sessions(Infinity, () => 0),
    whyNotReady: () => undefined,
    metrics: new Metrics({
      sessions: { size: 0 },
      counts: services.counts,
      hub: services.hub,
      presence: services.presence,
      pastPace: services.pastPace,
      writes: services.flusher.counts,
      sync: { repairs: 0 },
      loopDelay: { meanMs: 0 },
      heap: { share: 0 },
      isReady: () => true,
      redis: undefined,
      webhooks: undefined,
      files: undefined
    }, () => 0),
    files: {
      store: new DiskFiles({ dir: undefined, maxBytes: Infinity, maxAgeMs: Infinity }),
      links: undefined,
      counts: new FileCounts(),
      maxBytes: 1,
      perMinute: Infinity
    }
  })
  t.teardown(async () => {
    await app.close()
    interest.stop()
    await log.stop()
  })
  await app.ready()
  const known = [...DOORS.map(({ route }) => route).filter((route) => route !== undefined), ...PUBLIC_ROUTES]
  const routes = routesOf(app.printRoutes())
  t.strictSame(routes.sort(), known.sort())
  const { paths = {} } = app.swagger()
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods!).map((method) => `${method.toUpperCase()} ${path.replace(/\{([a-z]+)\}/g, ':$1')}`))
  const api = routes.filter((route) => !route.startsWith('HEAD') && !UNDOCUMENTED.includes(route.split(' ')[1]!))
  t.strictSame(documented.sort(), api.sort(), 'and is documented, where it is for programs')
})
