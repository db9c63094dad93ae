import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const SRC = join(ROOT, 'src')

/** Who may import what: the table in ARCHITECTURE.md. Packages by name, folders of src by name. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  protocol: [],
  client: ['protocol'],
  react: ['client', 'react'],
  auth: ['protocol', 'jose'],
  quota: ['protocol'],
  replicas: ['protocol'],
  schemas: ['protocol', 'typebox'],
  files: ['protocol', 'file-type', 'image-size'],
  hub: ['protocol'],
  broker: ['protocol'],
  log: ['protocol', 'broker'],
  position: ['protocol', 'log', 'broker'],
  presence: ['protocol', 'broker'],
  redis: ['protocol', 'ioredis'],
  metrics: ['prom-client'],
  webhooks: ['protocol', 'presence'],
  session: ['protocol', 'auth', 'hub', 'broker', 'log', 'position', 'presence', 'quota'],
  follow: ['protocol', 'hub', 'broker', 'log', 'position', 'session'],
  http: [
    'protocol', 'auth', 'session', 'hub', 'position', 'presence', 'quota', 'files', 'replicas', 'metrics', 'schemas', 'fastify', '@fastify/*', 'ws',
    'ajv', 'content-disposition', 'range-parser'
  ],
  embed: [
    'protocol', 'auth', 'broker', 'log', 'position', 'hub', 'session', 'http', 'schemas', 'fastify', 'fastify-plugin', 'config.ts',
    'config-error.ts', 'settings.ts', 'room-rules.ts', 'gateway.ts'
  ],
  cli: [
    'protocol', 'auth', 'client', 'redis', 'config.ts', 'config-error.ts', 'settings.ts', 'commander', 'jose', 'string-width', 'ws'
  ],
  web: ['protocol', 'client', 'preact', '@preact/*', 'uplot', 'uplot/*']
}
/** Files that are allowed more than their folder. */
const EXCEPTIONS: Readonly<Record<string, readonly string[]>> = {
  'broker/redis.ts': ['redis', 'ioredis'],
  'log/redis.ts': ['redis', 'ioredis'],
  'position/redis.ts': ['redis', 'ioredis'],
  'presence/redis.ts': ['redis'],
  'quota/redis.ts': ['redis'],
  'replicas/redis.ts': ['redis'],
  'webhooks/redis.ts': ['redis'],
  'broker/redis-signals.ts': ['redis'],
  'embed/publisher.ts': ['redis'],
  'files/s3.ts': ['aws4fetch'],
  'config.ts': [
    'auth', 'log', 'webhooks', 'config-error.ts', 'files-config.ts', 'room-rules.ts', 'settings.ts'
  ],
  'files-config.ts': ['files', 'settings.ts'],
  'settings.ts': ['room-rules.ts', 'env-schema'],
  'room-rules.ts': ['protocol', 'log', 'config-error.ts', 'ajv', 'yaml'],
  'cli/doctor/redis.ts': ['ioredis'],
  'cli/main.ts': ['main.ts', 'workers.ts'],
  'gateway.ts': ['*'],
  'replica.ts': ['config.ts', 'auth', 'files', 'protocol', 'log', 'redis', 'replicas', 'session', 'webhooks', 'http', 'fastify'],
  'main.ts': [
    'config.ts', 'config-error.ts', 'end-signals.ts', 'gateway.ts', 'replica.ts', 'workers.ts', 'pino', 'close-with-grace'
  ],
  'index.ts': ['config.ts', 'config-error.ts', 'gateway.ts', 'replica.ts', 'room-rules.ts', 'protocol', 'session', 'embed']
}
/** Where a process begins: environment and signals in, exit codes out. */
const EDGES = ['main.ts', 'cli/main.ts']
const BROWSER_SAFE = ['protocol', 'client', 'react', 'web']

interface Import { readonly file: string, readonly target: string, readonly isNode: boolean }

const files = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file))
const sources = new Map(files.map((file) => [file, readFileSync(join(SRC, file), 'utf8')]))
const FROM = /(?:^|\n)(?:import|export)\b[^'\n]*(?:\n[^'\n]*)*?\bfrom '([^']+)'|(?:^|\n)import '([^']+)'/
// Loaded only when it is needed.
const LATE = /\bimport\('([^']+)'\)/
const IMPORT = new RegExp(`${FROM.source}|${LATE.source}`, 'g')
const imports: Import[] = [...sources].flatMap(([file, source]) =>
  [...source.matchAll(IMPORT)].map(([, from, bare, late]) => toImport(file, (from ?? bare ?? late)!)))

function toImport (file: string, specifier: string): Import {
  if (!specifier.startsWith('.')) return { file, target: specifier, isNode: specifier.startsWith('node:') }
  return { file, target: relative(SRC, join(SRC, dirname(file), specifier)), isNode: false }
}

function folderOf (path: string): string {
  return path.includes('/') ? path.slice(0, path.indexOf('/')) : path
}

function isAllowed ({ file, target, isNode }: Import): boolean {
  if (isNode) return !BROWSER_SAFE.includes(folderOf(file))
  // A style is a part of the page that imports it.
  if ((sources.has(target) || target.endsWith('.css')) && folderOf(target) === folderOf(file)) return true
  const allowed = [...(MAY_IMPORT[folderOf(file)] ?? []), ...(EXCEPTIONS[file] ?? [])]
  return allowed.some((name) => name === '*' || name === target || name === folderOf(target) ||
    (name.endsWith('/*') && target.startsWith(name.slice(0, -1))))
}

t.test('every folder imports only what the table lets it', async (t) => {
  t.ok(imports.length > 100, 'the imports were found')
  t.strictSame(imports.filter((each) => !isAllowed(each)).map(({ file, target }) => `${file} -> ${target}`), [])
})

t.test('every folder of src is in the table, and in ARCHITECTURE.md', async (t) => {
  const folders = [...new Set(files.filter((file) => file.includes('/')).map(folderOf))].sort()
  t.strictSame(folders, Object.keys(MAY_IMPORT).sort())
  const page = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8')
  for (const folder of folders) t.match(page, `\`${folder}/\``, folder)
})

t.test('sessions and the hub know ports, never their implementations', async (t) => {
  const known = imports.filter(({ file, target }) =>
    ['session', 'hub', 'http'].includes(folderOf(file)) && /(?:^|\/)(?:memory|redis|disk|s3)\.ts$|^redis\//.test(target))
  t.strictSame(known, [])
})

t.test('ioredis is imported by the Redis parts alone, fastify by http and embed', async (t) => {
  const importers = (name: RegExp): string[] =>
    imports.filter(({ target }) => name.test(target)).map(({ file }) => file)
  t.ok(importers(/^ioredis/).every((file) => file.startsWith('redis/') || file.endsWith('/redis.ts')))
  t.ok(importers(/^@?fastify/).every((file) => file.startsWith('http/') || file.startsWith('embed/') || ['gateway.ts', 'replica.ts'].includes(file)))
})

t.test('prom-client is imported by metrics alone, and metrics by gateway.ts and http', async (t) => {
  const importers = (name: RegExp): string[] =>
    imports.filter(({ target }) => name.test(target)).map(({ file }) => folderOf(file))
  t.strictSame([...new Set(importers(/^prom-client/))], ['metrics'])
  t.strictSame([...new Set(importers(/^metrics\//))].filter((name) => name !== 'metrics').sort(), ['gateway.ts', 'http'])
})

t.test('only process edges read process: the gateway\'s, and the command line\'s', async (t) => {
  // The time that it has used is a clock, as performance.now() is one.
  const reading = /\bprocess\.(?!cpuUsage\(\))|node:process/
  const readers = [...sources].filter(([file, source]) => reading.test(source) && !EDGES.includes(file))
  t.strictSame(readers.map(([file]) => file), [])
})

t.test('no file imports itself by a circle', async (t) => {
  const edges = new Map(files.map((file) => [file, imports.filter((each) => each.file === file && isValue(each))
    .map(({ target }) => target).filter((target) => sources.has(target))]))
  const done = new Set<string>()
  const circles: string[] = []
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' -> '))
    if (path.includes(file) || done.has(file)) return
    for (const target of edges.get(file)!) visit(target, [...path, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  t.strictSame(circles, [])
})

/** A type alone leaves no trace in what runs. */
function isValue ({ file, target }: Import): boolean {
  const name = target.slice(target.lastIndexOf('/') + 1).replace('.', '\\.')
  const statement = new RegExp(`import type [^;']*?from '[^']*${name}'`).exec(sources.get(file)!)
  return statement === null
}
