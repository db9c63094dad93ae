import { readFileSync } from 'node:fs'
import t from 'tap'
import { freePort } from '../../cluster/ports.ts'
import { commandFolder, runShown, shownIn, steady } from '../helpers/console-blocks.ts'
import { connect } from '../helpers/client.ts'
import { startCluster } from '../helpers/cluster.ts'

const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')
/** Which are to be shown. */
const COMMANDS = ['serve', 'join', 'send', 'broadcast', 'move', 'members', 'token', 'doctor', 'bench', 'completion']

t.setTimeout(180_000)

t.test('every command of docs/cli.md prints what is shown', async (t) => {
  const { cluster } = await startCluster(t)
  for (const user of ['ann', '王小明']) await connect(t, `${cluster.ws}?join=lobby&user=${encodeURIComponent(user)}`)
  const { path, remove } = await commandFolder()
  t.teardown(remove)
  const env = {
    PATH: `${path}:${process.env['PATH']}`, TIDEGATE_URL: `http://localhost:${new URL(cluster.http).port}`, TZ: 'UTC'
  }
  const nobody = await freePort()
  const shown = shownIn(page)
  for (const name of COMMANDS) t.ok(shown.some(({ command }) => command.includes(`tidegate ${name}`)), name)
  for (const each of shown) {
    const command = each.command
      .replace('redis://localhost:6379', cluster.redis!.url)
      .replace('--port 9000', '--port 0')
      .replace('localhost:8081', `localhost:${nobody}`)
    const output = await runShown({ ...each, command }, env)
    t.strictSame(output.map(steady), each.output.map(steady), each.command)
  }
})
