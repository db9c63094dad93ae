import { Board, parseLine } from './board.ts'
import { Child } from './child.ts'
import { Cluster, nameOf } from './cluster.ts'
import { openImage } from './image.ts'
import { HELP, type Options, readOptions, readSettings } from './options.ts'
import { tryPort } from './ports.ts'

/** `npm run cluster`: the topology of docker-compose.yml without Docker. */
const WARN = 40
const BOARD_MS = 300
const RESTART_MS = 1_000
// A terminal's Ctrl-C reaches npm and this process, and npm passes it on: a second one so soon is the same.
const SAME_CTRL_C_MS = 250

const options = optionsOrExit()
const board = new Board(Array.from({ length: options.replicas }, (_, index) => nameOf(index)))
let cluster: Cluster | undefined
let firstSignalMs: number | undefined
let boardTimer: NodeJS.Timeout | undefined

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => { end(signal).catch(fail) })
try {
  cluster = await start(options)
  announce(cluster)
  keepAllUp(cluster)
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

async function start ({ replicas, port, redisUrl, image, storage }: Options): Promise<Cluster> {
  // Better known before everything else is started.
  if (port !== 0) await tryPort(port)
  const { settings, ignored } = readSettings(process.env)
  for (const what of ignored) say(what)
  const opened = image === undefined ? undefined : await openImage(image, storage)
  if (opened !== undefined) process.on('exit', () => opened.close())
  say(`starting ${replicas} replicas`)
  return await Cluster.start({
    replicas,
    settings: { ...settings, LOG_LEVEL: 'debug' },
    onLine,
    ...(opened === undefined ? {} : { launcher: opened.replica }),
    ...(port === 0 ? {} : { port }),
    ...(redisUrl === undefined ? {} : { redisUrl })
  })
}

function announce ({ replicas, nginx, redis }: Cluster): void {
  const site = `http://localhost:${nginx.port}`
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

function keepAllUp ({ replicas, nginx, redis }: Cluster): void {
  for (const replica of replicas) keepUp(replica.name, () => replica.child, () => replica.start())
  keepUp('nginx', () => nginx.child!, () => nginx.run())
  if (redis !== undefined) keepUp('redis', () => redis.child!, () => redis.run())
}

/** Starts again what ends without being asked to. */
function keepUp (name: string, child: () => Child, start: () => Promise<void>): void {
  void child().ended.then(({ code, signal }) => {
    board.clear(name)
    if (isEnding()) return
    say(`${name} ended (${signal ?? `exit code ${code}`}); it is started again`)
    showBoard()
    setTimeout(() => { if (!isEnding()) again().catch(fail) }, RESTART_MS)
  })
  const again = async (): Promise<void> => {
    await start()
    say(`${name} is back, pid ${child().pid}`)
    keepUp(name, child, start)
  }
}

function isEnding (): boolean {
  return firstSignalMs !== undefined
}

async function end (signal: NodeJS.Signals): Promise<void> {
  const nowMs = performance.now()
  if (firstSignalMs !== undefined) {
    if (signal === 'SIGTERM' || nowMs - firstSignalMs > SAME_CTRL_C_MS) killAll()
    return
  }
  firstSignalMs = nowMs
  if (cluster === undefined) killAll()
  say('ending: the replicas say goodbye (once more to end at once)')
  await cluster.stop(signal === 'SIGTERM' ? 'SIGTERM' : 'SIGINT')
  clearTimeout(boardTimer)
  say('ended')
  process.exit(0)
}

/** Nothing that was started may outlive us. */
function killAll (): never {
  for (const child of Child.running) child.process.kill('SIGKILL')
  process.exit(1)
}

function fail (error: unknown): never {
  const { code, message } = error as NodeJS.ErrnoException
  if (code === 'EADDRINUSE') say(`--port: ${options.port} is taken`)
  else if (code === 'EACCES') say(`--port: ${options.port} may not be used by this user`)
  else say(message)
  killAll()
}

function showBoard (): void {
  clearTimeout(boardTimer)
  boardTimer = undefined
  say(board.show())
}

function say (text: string): void {
  process.stdout.write(`${new Date().toTimeString().slice(0, 8)}  ${text}\n`)
}
