import { type EndSignal, onEndSignals } from '../src/end-signals.ts'
import { Board, parseLine } from './board.ts'
import { Child } from './child.ts'
import { Cluster, nameOf } from './cluster.ts'
import { openImage } from './image.ts'
import { HELP, type Options, readOptions, readSettings } from './options.ts'
import { tryPort } from './ports.ts'
import { Supervisor } from './supervisor.ts'

/** `npm run cluster`: the topology of docker-compose.yml without Docker. */
const WARN = 40
const BOARD_MS = 300

const options = optionsOrExit()
const board = new Board(Array.from({ length: options.replicas }, (_, index) => nameOf(index)))
let cluster: Cluster | undefined
let supervisor: Supervisor | undefined
let boardTimer: NodeJS.Timeout | undefined

Child.leaveSignals()
onEndSignals(process, {
  signals: ['SIGTERM', 'SIGINT', 'SIGHUP'],
  isUnderNpm: process.env['npm_lifecycle_event'] !== undefined,
  begin: (signal) => { end(signal).catch(fail) },
  endNow: () => process.exit(1)
})
// Whoever read this has gone, such as `head`.
process.stdout.on('error', () => process.exit(1))
try {
  cluster = await start(options)
  announce(cluster)
  supervisor = new Supervisor(cluster, { onEnded, onBack, onFailure: fail })
} catch (error) {
  fail(error)
}

function optionsOrExit (): Options {
  try {
    const options = readOptions(process.argv.slice(2))
    if (!options.help) return options
    process.stdout.write(HELP)
    process.exit(0)
  } catch (error) {
    process.stderr.write(`cluster: ${(error as Error).message}\n\n${HELP}`)
    process.exit(2)
  }
}

async function start ({ replicas, port, host, redisUrl, image, storage }: Options): Promise<Cluster> {
  // Better known before everything else is started.
  if (port !== 0) await tryPort(port, host.replace(/^\[|\]$/g, ''))
  const { settings, ignored } = readSettings(process.env)
  for (const what of ignored) say(what)
  const opened = image === undefined ? undefined : await openImage(image, storage)
  if (opened !== undefined) process.on('exit', () => opened.close())
  say(`starting ${replicas} replicas`)
  return await Cluster.start({
    replicas,
    host,
    settings: { ...settings, LOG_LEVEL: 'debug' },
    onLine,
    ...(opened === undefined ? {} : { launcher: opened.replica }),
    ...(port === 0 ? {} : { port }),
    ...(redisUrl === undefined ? {} : { redisUrl })
  })
}

function announce ({ replicas, nginx, redis }: Cluster): void {
  const isLocal = ['127.0.0.1', '0.0.0.0', '[::1]', '[::]'].includes(options.host)
  const site = `http://${isLocal ? 'localhost' : options.host}:${nginx.port}`
  const rows = [
    ['chat', `${site}/chat`],
    ['dashboard', `${site}/dashboard`],
    ...replicas.map(({ name, http, child }) => [name, `${http}  pid ${child.pid}`]),
    ['nginx', `${site}  pid ${nginx.child!.pid}`],
    ...(redis === undefined ? [] : [['redis', `${redis.url}  pid ${redis.child!.pid}`]])
  ] as Array<[string, string]>
  const width = Math.max(...rows.map(([name]) => name.length))
  const table = rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}\n`).join('')
  process.stdout.write(`\nTidegate is up: ${replicas.length} replicas behind nginx.\n\n${table}\nCtrl-C ends it. Who is where:\n\n`)
  showBoard()
}

function onLine (source: string, text: string): void {
  if (source === 'redis') return
  if (source === 'nginx') {
    if (/\[(warn|error|crit|alert|emerg)\]/.test(text)) say(`nginx: ${text}`)
    return
  }
  const line = parseLine(text)
  if (board.take(source, line)) boardTimer ??= setTimeout(showBoard, BOARD_MS)
  if ((line.level ?? 0) >= WARN) say(`${source}: ${line.msg}`)
}

async function end (signal: EndSignal): Promise<void> {
  if (cluster === undefined) process.exit(1)
  say('ending: the replicas say goodbye (once more to end at once)')
  supervisor?.letGo()
  // What is being started again just now has to be there to be stopped.
  await supervisor?.settled()
  await cluster.stop(signal === 'SIGTERM' ? 'SIGTERM' : 'SIGINT')
  say('ended')
  process.exit(0)
}

/** What was started ends with this process. */
function fail (error: unknown): never {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') say(`--port: ${options.port} is taken`)
  else if (code === 'EACCES') say(`--port: ${options.port} may not be used by this user`)
  else if (code === 'EADDRNOTAVAIL') say(`--host: ${options.host} is no address of this machine`)
  else say(message)
  process.exit(1)
}

function onEnded (name: string, why: string): void {
  board.clear(name)
  say(`${name} ended (${why}); it is started again`)
  showBoard()
}

function onBack (name: string, pid: number): void {
  say(`${name} is back, pid ${pid}`)
}

function showBoard (): void {
  clearTimeout(boardTimer)
  boardTimer = undefined
  say(board.show())
}

function say (text: string): void {
  process.stdout.write(`${new Date().toTimeString().slice(0, 8)}  ${text}\n`)
}
