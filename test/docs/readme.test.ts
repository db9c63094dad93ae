import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { connect } from '../helpers/client.ts'
import { startGateway } from '../helpers/gateway.ts'

const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8')

t.test('the ten lines of the README work as they stand', async (t) => {
  const { port, ws } = await startGateway(t)
  const snippet = /```js\n([^`][\s\S]*?)```/.exec(readme)![1]!
  t.equal(snippet.trimEnd().split('\n').length, 10)
  const bob = await connect(t, `${ws}?join=general`)
  // Node has the browser's WebSocket from 22 on, and behind a flag before.
  const flags = typeof WebSocket === 'undefined' ? ['--experimental-websocket', '--no-warnings'] : []
  const child = spawn(process.execPath, [...flags, '-e', snippet.replace('8080', String(port))], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  t.teardown(() => { child.kill() })
  const [printed] = await once(child.stdout, 'data')
  t.equal(String(printed), 'ann: Hello from ten lines\n')
  t.match(await bob.next('message'), { from: 'ann', content: 'Hello from ten lines' })
})

t.test('the links of the documents lead somewhere', async (t) => {
  const pages = ['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'SECURITY.md']
  const folder = new URL('../../../docs/', import.meta.url)
  pages.push(...readdirSync(folder).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`))
  const examples = readdirSync(new URL('../../../examples/', import.meta.url))
  pages.push(...examples.map((name) => `examples/${name}/README.md`))
  for (const page of pages) {
    const url = new URL(`../../../${page}`, import.meta.url)
    for (const [, target] of readFileSync(url, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)\)/g)) {
      if (target!.endsWith('/')) continue
      t.ok(readFileSync(new URL(target!, url)).length > 0, `${page}: ${target}`)
    }
  }
})
