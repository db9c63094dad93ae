import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { Until } from '../../cluster/until.ts'
import { MAX_STREAM_ROOMS, STOP } from '../../src/http/event-id.ts'
import { connect } from '../helpers/client.ts'
import { EventParser } from '../helpers/events.ts'
import { startGateway } from '../helpers/gateway.ts'

const page = readFileSync(new URL('../../../docs/events.md', import.meta.url), 'utf8')

t.test('the curl of docs/events.md follows its rooms', {
  skip: spawnSync('curl', ['--version']).error !== undefined && 'there is no curl here'
}, async (t) => {
  const { port, ws } = await startGateway(t)
  const ann = await connect(t, `${ws}?user=ann&join=general`)
  await ann.ask({ type: 'message', room: 'general', content: 'before' })
  const [, command] = /```sh\n(curl [^\n]+)\n```/.exec(page)!
  const curl = spawn('sh', ['-c', `exec ${command!.replace('8080', String(port))}`], { stdio: ['ignore', 'pipe', 'ignore'] })
  t.teardown(() => { curl.kill() })
  const parser = new EventParser()
  const until = new Until()
  curl.stdout.on('data', (bytes: Buffer) => {
    parser.push(bytes)
    until.changed()
  })
  const has = (text: string): boolean => parser.events.some(({ data }) => data.includes(text))
  await until.true('what was said before', () => has('"content":"before"') && has('"position":0'))
  await ann.ask({ type: 'message', room: 'general', content: 'live' })
  await ann.ask({ type: 'move', delta: 50 })
  await until.true('what comes', () => has('"content":"live"') && has('"position":50'))
})

t.test('docs/events.md has the numbers of the code', async (t) => {
  t.match(page, `at least one, ${MAX_STREAM_ROOMS} at most`)
  t.match(page, `\`${STOP}\``)
})
