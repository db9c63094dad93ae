import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { Deployment } from 'kubernetes-models/apps/v1'
import { HorizontalPodAutoscaler } from 'kubernetes-models/autoscaling/v2'
import { Ingress } from 'kubernetes-models/networking.k8s.io/v1'
import { PodDisruptionBudget } from 'kubernetes-models/policy/v1'
import { Service } from 'kubernetes-models/v1'
import t from 'tap'
import { parse } from 'yaml'
import { loadConfig } from '../../src/config.ts'
import { SETTINGS } from '../../src/settings.ts'
import { DOORS, PUBLIC_ROUTES } from '../helpers/doors.ts'

/** The files in deploy/, docker-compose.yml and nginx.conf: valid each, and of one mind. */
const ROOT = new URL('../../../', import.meta.url)
const KUBERNETES = new URL('deploy/kubernetes/', ROOT)
const UNITS = new URL('deploy/systemd/', ROOT)
const UNIT = new URL('tidegate@.service', UNITS)
// What main.ts gives a drain beyond its window.
const GRACE_MS = 5_000
// As compose, nginx and systemd spell spans of time.
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, min: 60_000, h: 3_600_000 }

type Env = Readonly<Record<string, string>>
interface Probe { readonly httpGet: { readonly path: string, readonly port: string } }
interface EnvSource { readonly secretKeyRef?: { readonly name: string, readonly key: string } }
interface Container {
  readonly ports: ReadonlyArray<{ readonly name: string, readonly containerPort: number }>
  readonly env: ReadonlyArray<{ readonly name: string, readonly value?: string, readonly valueFrom?: EnvSource }>
  readonly lifecycle: { readonly preStop: { readonly sleep: { readonly seconds: number } } }
  readonly startupProbe: Probe
  readonly readinessProbe: Probe
  readonly livenessProbe: Probe
}
interface ComposeService {
  readonly image?: string
  readonly build?: unknown
  readonly environment?: Env | readonly string[]
  readonly depends_on?: readonly string[] | Readonly<Record<string, unknown>>
  readonly stop_grace_period?: string
  readonly ulimits?: { readonly nofile?: number }
}

const KINDS: Readonly<Record<string, { readonly prototype: { validate (): void } }>> = {
  'apps/v1 Deployment': Deployment,
  'autoscaling/v2 HorizontalPodAutoscaler': HorizontalPodAutoscaler,
  'networking.k8s.io/v1 Ingress': Ingress,
  'policy/v1 PodDisruptionBudget': PodDisruptionBudget,
  'v1 Service': Service
}

const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8')
// The schemas say what is in a manifest, and they are asked first.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
const manifest = (name: string): any => parse(readFileSync(new URL(`${name}.yaml`, KUBERNETES), 'utf8'))
const kustomization = manifest('kustomization')
const deployment = manifest('deployment')
const service = manifest('service')
const ingress = manifest('ingress')
const hpa = manifest('hpa')
const pod = deployment.spec.template.spec
const container: Container = pod.containers[0]
const podEnv: Env = Object.fromEntries(container.env.map(({ name, value }) => [name, value ?? '']))

const composeServices: Readonly<Record<string, ComposeService>> = parseCompose().services
/** The services that run the gateway: those that are given one of its settings. */
const gateways = Object.entries(composeServices).filter(([, each]) => Object.keys(envOf(each)).some(isSetting))

const unit = readFileSync(UNIT, 'utf8').split('\n').filter((line) => /^[A-Za-z]+=/.test(line))
  .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const)
const unitEnv: Env = Object.fromEntries(directives('Environment').map((each) => each.split('=', 2)))

function parseCompose (): { services: Record<string, ComposeService> } {
  return parse(read('docker-compose.yml'), { merge: true })
}

function isSetting (name: string): name is keyof typeof SETTINGS {
  return name in SETTINGS
}

function envOf ({ environment = {} }: ComposeService): Env {
  if (!Array.isArray(environment)) return environment as Env
  return Object.fromEntries((environment as string[]).map((each) => each.split('=', 2)))
}

/** As compose does where none of these variables is set. */
function interpolate (env: Env): Env {
  return Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value).replace(/\$\{\w+:-([^}]*)\}/g, '$1')]))
}

function directives (name: string): string[] {
  return unit.filter(([key]) => key === name).map(([, value]) => value)
}

/** `35`, `35s`, `1m30s`, `80m`: a bare number is seconds. */
function spanMs (text: string | number): number {
  const parts = [...String(text).matchAll(/([0-9]+)(ms|min|[smh])?/g)]
  return parts.reduce((sum, [, count, name = 's']) => sum + Number(count) * UNIT_MS[name]!, 0)
}

function drainMs (env: Env): number {
  return Number(env['DRAIN_MS'] ?? SETTINGS.DRAIN_MS.default)
}

/**
 * The API's schemas let fields pass that they do not know, and the API server then drops them. The compiled validators
 * read each field by its name, or go over all keys of a map: what they never read is no field.
 */
function watchReads (value: unknown, path: string, unread: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value
  const children = new Map(Object.entries(value).map(([key, child]) =>
    [key, watchReads(child, `${path}/${key}`, unread)] as const))
  for (const key of children.keys()) unread.add(`${path}/${key}`)
  return new Proxy(value, {
    get: (target, key) => {
      unread.delete(`${path}/${String(key)}`)
      return children.get(String(key)) ?? Reflect.get(target, key)
    },
    ownKeys: (target) => {
      for (const key of children.keys()) unread.delete(`${path}/${key}`)
      return Reflect.ownKeys(target)
    }
  })
}

t.test('every manifest is one that the Kubernetes API takes, without a field that it does not know', async (t) => {
  const names = readdirSync(KUBERNETES).map((file) => file.replace(/\.yaml$/, '')).filter((name) => name !== 'kustomization')
  t.ok(names.length >= 5)
  for (const name of names) {
    const content = manifest(name)
    const kind = KINDS[`${content.apiVersion} ${content.kind}`]
    if (kind === undefined) {
      t.fail(`${name}: ${content.apiVersion} ${content.kind} is no kind that this test knows`)
      continue
    }
    const unread = new Set<string>()
    t.doesNotThrow(() => { kind.prototype.validate.call(watchReads(content, '', unread)) }, name)
    t.strictSame([...unread], [], `${name}: every field is known`)
  }
})

t.test('a field that is misspelt is noticed', async (t) => {
  const content = manifest('deployment')
  content.spec.template.spec.containers[0].readinessProbe.failureTreshold = 1
  const unread = new Set<string>()
  Deployment.prototype.validate.call(watchReads(content, '', unread))
  t.strictSame([...unread], ['/spec/template/spec/containers/0/readinessProbe/failureTreshold'])
})

t.test('kustomization.yaml has every manifest but the HPA, which needs a later release, and renames the image', async (t) => {
  const others = readdirSync(KUBERNETES).filter((file) => !['kustomization.yaml', 'hpa.yaml'].includes(file)).sort()
  t.strictSame([...kustomization.resources].sort(), others)
  t.equal(kustomization.images[0].name, pod.containers[0].image)
})

t.test('manifests name each other as they are: labels, ports, services', async (t) => {
  const labels = deployment.spec.template.metadata.labels
  const selectors = {
    deployment: deployment.spec.selector.matchLabels,
    service: service.spec.selector,
    pdb: manifest('pdb').spec.selector.matchLabels,
    spreadNodes: pod.topologySpreadConstraints[0].labelSelector.matchLabels,
    spreadZones: pod.topologySpreadConstraints[1].labelSelector.matchLabels
  }
  for (const [what, selector] of Object.entries(selectors)) t.hasStrict(labels, selector, what)

  const [port] = container.ports
  t.equal(port!.containerPort, Number(podEnv['PORT'] ?? SETTINGS.PORT.default))
  const { startupProbe, readinessProbe, livenessProbe } = container
  for (const { httpGet } of [startupProbe, readinessProbe, livenessProbe]) t.equal(httpGet.port, port!.name)
  t.equal(service.spec.ports[0].targetPort, port!.name)
  for (const { http } of ingress.spec.rules) {
    for (const { backend } of http.paths) {
      t.strictSame(backend.service, { name: service.metadata.name, port: { name: service.spec.ports[0].name } })
    }
  }
  t.strictSame(hpa.spec.scaleTargetRef, { apiVersion: 'apps/v1', kind: 'Deployment', name: deployment.metadata.name })
})

t.test('the Ingress passes on what is for clients, and nothing that is for those who run it', async (t) => {
  const paths: ReadonlyArray<{ readonly path: string, readonly pathType: string }> =
    ingress.spec.rules.flatMap(({ http }: { readonly http: { readonly paths: unknown } }) => http.paths)
  const isPassed = (asked: string): boolean => paths.some(({ path, pathType }) =>
    asked === path || (pathType === 'Prefix' && asked.startsWith(`${path}/`)))
  const routes = [...DOORS.flatMap(({ route }) => route ?? []), ...PUBLIC_ROUTES].map((route) => route.split(' ')[1]!)
  // `*` stands for preflights, of any path.
  const forClients = routes.filter((path) => path !== '*' && !/^\/(?:readyz|metrics|users)\b/.test(path))
  t.strictSame(forClients.filter((path) => !isPassed(path)), [], 'passed on')
  for (const path of ['/readyz', '/metrics', '/users/ann/connections']) t.notOk(isPassed(path), path)
})

t.test('readiness asks what a drain answers 503, and liveness does not', async (t) => {
  t.equal(container.readinessProbe.httpGet.path, '/readyz')
  t.equal(container.livenessProbe.httpGet.path, '/healthz')
  t.equal(container.startupProbe.httpGet.path, '/healthz')
})

t.test('one cookie sticks in nginx and in Kubernetes', async (t) => {
  const { annotations } = service.metadata
  const name = annotations['traefik.ingress.kubernetes.io/service.sticky.cookie.name']
  t.equal(annotations['traefik.ingress.kubernetes.io/service.sticky.cookie'], 'true')
  t.equal(ingress.metadata.annotations['nginx.ingress.kubernetes.io/session-cookie-name'], name)
  t.match(read('nginx.conf'), `$cookie_${name} `)
})

t.test('what stops a replica waits longer than a drain can take', async (t) => {
  const preStopMs = container.lifecycle.preStop.sleep.seconds * 1_000
  const podDrainMs = preStopMs + drainMs(podEnv) + GRACE_MS
  t.ok(pod.terminationGracePeriodSeconds * 1_000 > podDrainMs, 'Kubernetes: terminationGracePeriodSeconds')
  t.ok(deployment.spec.minReadySeconds * 1_000 > podDrainMs, 'Kubernetes: minReadySeconds')
  t.ok(gateways.length > 1, 'compose has replicas')
  for (const [name, each] of gateways) {
    t.ok(spanMs(each.stop_grace_period ?? '10s') > drainMs(envOf(each)) + GRACE_MS, `compose: stop_grace_period of ${name}`)
  }
  t.ok(spanMs(directives('TimeoutStopSec')[0]!) > drainMs(unitEnv) + GRACE_MS, 'systemd: TimeoutStopSec')
})

t.test('no proxy is less patient than the gateway, and no reload of nginx cuts a connection', async (t) => {
  const silenceMs = 2.5 * SETTINGS.PING_INTERVAL_MS.default
  const nginx = read('nginx.conf')
  const timeout = (name: string): number => spanMs(new RegExp(`^\\s*${name} (\\w+);`, 'm').exec(nginx)?.[1] ?? '0')
  for (const name of ['proxy_read_timeout', 'proxy_send_timeout']) t.ok(timeout(name) > silenceMs, `nginx: ${name}`)
  for (const name of ['proxy-read-timeout', 'proxy-send-timeout']) {
    t.ok(spanMs(ingress.metadata.annotations[`nginx.ingress.kubernetes.io/${name}`]) > silenceMs, `Ingress: ${name}`)
  }
  for (const [place, env] of [['systemd', unitEnv], ...gateways.map(([name, each]) => [name, envOf(each)])] as Array<[string, Env]>) {
    const ageMs = Number(env['MAX_CONNECTION_AGE_MS'])
    t.ok(ageMs > 0 && timeout('worker_shutdown_timeout') > 1.2 * ageMs + drainMs(env), `${place}: MAX_CONNECTION_AGE_MS`)
  }
  t.ok(Number(podEnv['MAX_CONNECTION_AGE_MS']) > 0, 'Kubernetes: MAX_CONNECTION_AGE_MS')
})

t.test('limits leave room for MAX_CONNECTIONS', async (t) => {
  const target = Number(hpa.spec.metrics[0].pods.target.averageValue)
  const least = hpa.spec.minReplicas
  t.ok(target * least / (least - 1) < SETTINGS.MAX_CONNECTIONS.default, 'a lost pod has room on the others')
  t.ok(Number(directives('LimitNOFILE')[0]) >= 2 * SETTINGS.MAX_CONNECTIONS.default, 'systemd: LimitNOFILE')
  for (const [name, { ulimits }] of gateways) {
    t.ok((ulimits?.nofile ?? Infinity) > SETTINGS.MAX_CONNECTIONS.default, `compose: nofile of ${name}`)
  }
})

t.test('every variable is a setting, with a value that the gateway takes, and none is a secret', async (t) => {
  const places: Readonly<Record<string, Env>> = {
    Kubernetes: { ...podEnv, REDIS_URL: 'redis://redis:6379', REPLICA: 'tidegate-6d5b7c9f4-x2x7k' },
    systemd: Object.fromEntries(Object.entries(unitEnv).map(([name, value]) =>
      [name, value.replaceAll('%i', '8081').replaceAll('%l', 'host')])),
    ...Object.fromEntries(gateways.map(([name, each]) => [name, interpolate(envOf(each))]))
  }
  for (const [name, each] of gateways) t.match(envOf(each)['AUTH_SECRET'], /^\$\{AUTH_SECRET:-\}$/, `${name}: handed through`)
  for (const [place, env] of Object.entries(places)) {
    t.strictSame(Object.keys(env).filter((name) => !isSetting(name)), [], `${place}: settings`)
    const text = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)]))
    t.doesNotThrow(() => loadConfig(text), place)
    t.notOk('REDIS_PASS' in env || env['AUTH_SECRET'], `${place}: no password`)
    t.notMatch(Object.values(text).join('\n'), /:\/\/[^/\s]*@/, `${place}: no password in an address`)
  }
  const secrets = container.env.filter(({ valueFrom }) => valueFrom?.secretKeyRef !== undefined)
  t.strictSame(secrets.map((each) => each.name), ['REDIS_URL', 'AUTH_SECRET'])
  for (const { valueFrom } of secrets) {
    const { name, key } = valueFrom!.secretKeyRef!
    t.match(read('deploy/kubernetes/kustomization.yaml'), `kubectl create secret generic ${name} --from-literal=${key}=`)
  }
  t.notOk(readdirSync(KUBERNETES).some((file) => manifest(file.replace(/\.yaml$/, '')).kind === 'Secret'), 'no Secret in a file')
})

t.test('docker-compose.yml follows the Compose specification, and names services that exist', async (t) => {
  const schema = readFileSync(new URL('schemas/compose.schema.json', import.meta.resolve('dclint/package.json')), 'utf8')
  // It calls its draft `https:…`, by which Ajv does not know it, and has formats and keywords of its own.
  const ajv = new Ajv({ allErrors: true, strict: false, validateSchema: false, validateFormats: false })
  const validate = ajv.compile(JSON.parse(schema))
  validate(parseCompose())
  t.strictSame(validate.errors ?? [], [])
  for (const [name, { depends_on: needs = {} }] of Object.entries(composeServices)) {
    for (const other of Array.isArray(needs) ? needs : Object.keys(needs)) t.ok(other in composeServices, `${name} needs ${other}`)
  }
  const upstreams = [...read('deploy/nginx/upstream.conf').matchAll(/^server ([\w-]+):([0-9]+)/gm)]
  t.strictSame(upstreams.map(([, host]) => host), gateways.map(([name]) => name), 'the upstreams are the replicas')
  for (const [, host, port] of upstreams) {
    t.equal(Number(port), Number(envOf(composeServices[host!]!)['PORT'] ?? SETTINGS.PORT.default), `the port of ${host}`)
  }
})

t.test('the unit drains: SIGTERM to the gateway alone, and a restart only after a failure', async (t) => {
  t.strictSame(directives('KillMode'), ['mixed'])
  t.strictSame(directives('Restart'), ['on-failure'])
  t.strictSame(directives('Type'), ['exec'])
  t.equal(unitEnv['PORT'], '%i')
  t.strictSame(directives('MemoryDenyWriteExecute'), [], 'V8 compiles')
})

const hasSystemd = spawnSync('systemd-analyze', ['--version']).error === undefined
t.test('systemd takes the units as they are', { skip: hasSystemd ? false : 'systemd-analyze is not installed' }, async (t) => {
  const units = readdirSync(UNITS).map((unit) => fileURLToPath(new URL(unit, UNITS)))
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...units], { encoding: 'utf8' })
  // It also says what is wrong with other units of this machine.
  t.strictSame(stderr.split('\n').filter((line) => line.includes('tidegate')), [])
  t.equal(status, 0)
})

t.test('the links of deploy/README.md lead somewhere', async (t) => {
  const page = new URL('deploy/README.md', ROOT)
  for (const [, target] of readFileSync(page, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)\)/g)) {
    t.ok(existsSync(new URL(target!, page)), target!)
  }
})
