import t from 'tap'
import { readOptions, readSettings } from '../../../cluster/options.ts'

t.test('three replicas behind port 8080, unless the command line says otherwise', async (t) => {
  t.match(readOptions([]), { replicas: 3, port: 8080, redisUrl: undefined, image: undefined, help: false })
  t.match(readOptions(['--replicas', '5', '--port=0', '--redis', 'redis://x:1']), { replicas: 5, port: 0, redisUrl: 'redis://x:1' })
  t.match(readOptions(['-h']), { help: true })
})

t.test('what is wrong is named', async (t) => {
  const faults: Array<[string[], RegExp]> = [
    [['--replicas', '0'], /--replicas: must be an integer of 1 to 26, not "0"/],
    [['--replicas', 'three'], /--replicas/],
    [['--replicas', '27'], /--replicas/],
    [['--port', '65536'], /--port: must be an integer of 0 to 65535/],
    [['--port', '-1'], /--port/],
    [['--host', 'localhost'], /--host: must be an IP address/],
    [['--redis', 'localhost:6379'], /--redis: must be redis:/],
    [['--storage', 'x'], /--storage: needs --image/],
    [['--colour'], /--colour/],
    [['5'], /5/]
  ]
  for (const [args, message] of faults) t.throws(() => readOptions(args), { message }, args.join(' '))
})

t.test('settings are handed on, and what the cluster decides is not taken in silence', async (t) => {
  const { settings, ignored } = readSettings({
    DRAIN_MS: '5000',
    AUTH_SECRET: 'refused by the gateway',
    WORKERS: '2',
    LOG_ENTRIES: '',
    HOME: '/root',
    PATH: '/bin',
    PORT: '1',
    REDIS_URL: 'redis://:sesame@x',
    REPLICA: 'x'
  })
  t.strictSame(settings, { DRAIN_MS: '5000', AUTH_SECRET: 'refused by the gateway', WORKERS: '2' })
  t.strictSame(ignored.sort(), [
    'PORT is not used: there is --port', 'REDIS_URL is not used: there is --redis',
    'REPLICA is not used: the cluster decides that itself'
  ])
})
