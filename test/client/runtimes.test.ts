import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import t from 'tap'
import { startGateway } from '../helpers/gateway.ts'

const run = promisify(execFile)
const SCRIPT = `
  import { connect } from './build/src/client/index.js'
  const client = connect(process.argv[1], { user: 'node' })
  const room = client.room('general')
  const messages = room[Symbol.asyncIterator]()
  const first = messages.next()
  const { seq } = await room.publish({ from: process.version })
  const { value } = await first
  console.log(JSON.stringify({ seq, content: value.content, own: typeof WebSocket }))
  client.close()
`
/** The Node of this run, and others: NODES=/opt/node-22/bin/node:/opt/node-24/bin/node (CI runs this with each). */
const NODES = [process.execPath, ...(process.env['NODES'] ?? '').split(':').filter((path) => path !== '')]

for (const node of NODES) {
  t.test(node, async (t) => {
    const { ws } = await startGateway(t)
    const { stdout } = await run(node, ['--input-type=module', '-e', SCRIPT, ws])
    const said = JSON.parse(stdout) as { seq: number, content: { from: string }, own: string }
    t.comment(`${said.content.from}: ${said.own === 'function' ? 'its own WebSocket' : 'the package ws'}`)
    t.equal(said.seq, 1)
    t.match(said.content.from, /^v\d+/)
  })
}
