import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { type Identified, LEEWAY_S, MAX_TOKEN_CHARS } from '../../src/auth/auth.ts'
import { Grants } from '../../src/auth/grants.ts'
import { TokenAuthenticator } from '../../src/auth/tokens.ts'
import { SETTINGS } from '../../src/settings.ts'

const ROOT = new URL('../../../', import.meta.url)
const page = readFileSync(new URL('docs/auth.md', ROOT), 'utf8')

/** The first block of a language after a heading. */
function example (heading: string, language: string): string {
  const section = page.slice(page.indexOf(`# ${heading}\n`))
  return new RegExp(`\`\`\`${language}\\n([^\`]+)\`\`\``).exec(section)![1]!
}

async function verifies (secret: string, token: string): Promise<Identified> {
  const settings = { secret, jwksUrl: undefined, issuer: undefined, audience: undefined }
  const outcome = await new TokenAuthenticator(settings).verify(token.trim())
  t.match(outcome, { user: 'ann' })
  return outcome as Identified
}

t.test('the claims of the examples allow what is said of them', async (t) => {
  const grants = Grants.of({
    rooms: JSON.parse(example('`rooms`', 'json')), can: JSON.parse(example('`can`', 'json'))
  })
  const allowed = (room: string): string => (['join', 'publish'] as const).filter((action) => grants.in(room, action)).join(' ')
  t.strictSame(['chat:7', 'chat:staff', 'news', 'position', 'garden', '$all'].map(allowed), ['join publish', '', 'join', 'join', '', 'join'])
  t.strictSame((['broadcast', 'move', 'admin'] as const).filter((ability) => !grants.can(ability)), [])
})

t.test('the back end in Node signs a token that is good', async (t) => {
  const secret = randomBytes(32).toString('hex')
  const code = `${example('Signing one in a back end', 'js')}\nconsole.log(await tokenFor('ann'))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code], {
    cwd: fileURLToPath(ROOT), env: { ...process.env, AUTH_SECRET: secret }
  })
  const { grants, expiresMs } = await verifies(secret, stdout)
  t.ok(Math.abs(expiresMs! - Date.now() - 600_000) < 30_000)
  t.strictSame([grants.in('chat:7', 'publish'), grants.in('position', 'join'), grants.in('x', 'join'), grants.can('move')],
    [true, true, false, true])
})

t.test('the limits have the defaults of the settings', async (t) => {
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| ([0-9,]+) ?(?:a second(?:, bursts of ([0-9,]+))?|ms)? \|/gm)]
  t.ok(rows.length >= 11)
  const number = (text: string): number => Number(text.replaceAll(',', ''))
  for (const [, name, value, burst] of rows) {
    t.equal(number(value!), SETTINGS[name as 'RATE_HTTP'].default, name!)
    if (burst !== undefined) t.equal(number(burst), 2 * number(value!), `${name}: burst`)
  }
  const named = new Set(page.match(/`(?:RATE|MAX)_[A-Z_]+`/g)!.map((name) => name.slice(1, -1)))
  const limits = Object.keys(SETTINGS).filter((name) => /^(RATE|MAX)_/.test(name) && name !== 'MAX_CONNECTION_AGE_MS')
  t.strictSame(limits.filter((name) => !named.has(name)), [], 'none is left out')
})

t.test('bounds of tokens are those of the code', async (t) => {
  t.match(page, `leeway of ${LEEWAY_S} s`)
  t.match(page, `at most ${MAX_TOKEN_CHARS.toLocaleString('en')} characters`)
})
