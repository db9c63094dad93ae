import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Child } from '../../cluster/child.ts'

t.setTimeout(120_000)

const MAIN = fileURLToPath(new URL('../../bench/floods-main.js', import.meta.url))

t.test('floods of pings, tiny frames and fragments are ended with the right code, and leave others alone', async (t) => {
  const said: string[] = []
  const floods = ['pings', 'tiny', 'fragments']
  const args = [MAIN, '--only', floods.join(','), '--rounds', '1', '--seconds', '1', '--flooder', 'normal']
  const child = await Child.spawn(process.execPath, args, { onLine: (line) => { said.push(line) } })
  t.teardown(() => child.end('SIGKILL'))
  const { code } = await child.ended
  t.comment(said.join('\n'))
  t.equal(code, 0)
  const text = said.join('\n')
  for (const flood of floods) t.match(text, new RegExp(`^${flood}: `, 'm'))
  for (const end of ['4429', '4400', '1008']) t.match(text, new RegExp(`ended: .*\\d × ${end}`))
})

t.test('a flood that there is none of is one clear line, and exit code 2', async (t) => {
  const said: string[] = []
  const child = await Child.spawn(process.execPath, [MAIN, '--only', 'rain'], { onLine: (line) => { said.push(line) } })
  t.match(await child.ended, { code: 2 })
  t.strictSame(said, ['floods: --only: there is no flood "rain" (see --help)'])
})
