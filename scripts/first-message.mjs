// How long the README's steps take: from `git clone` to the first message that one browser sees of another.
// `npm run first-message`; what npm has cached counts.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { chromium } from 'playwright-core'

const folder = mkdtempSync(join(tmpdir(), 'tidegate-first-'))
const startMs = performance.now()
let gateway
let browser
try {
  const clone = spawn('git', ['clone', '-q', '.', join(folder, 'tidegate')], { stdio: 'inherit' })
  await once(clone, 'exit')
  tell('cloned')
  const port = await freePort()
  // A group of its own: npm's child is the gateway.
  gateway = spawn('npm', ['start'], {
    cwd: join(folder, 'tidegate'), env: { ...process.env, PORT: String(port), HOST: '127.0.0.1' }, stdio: ['ignore', 'pipe', 'inherit'], detached: true
  })
  for await (const line of createInterface(gateway.stdout)) if (line.includes(`localhost:${port}/chat`)) break
  tell('started')
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', chromiumSandbox: false })
  const [ann, bob] = await Promise.all([1, 2].map(async () => {
    const page = await (await browser.newContext()).newPage()
    await page.goto(`http://127.0.0.1:${port}/chat`)
    await page.locator('#status[data-state="online"]').waitFor()
    return page
  }))
  await ann.fill('#text', 'Hello')
  await ann.press('#text', 'Enter')
  await bob.locator('#messages .line', { hasText: 'Hello' }).waitFor()
  tell('the first message was seen')
} finally {
  await browser?.close()
  if (gateway?.pid !== undefined) process.kill(-gateway.pid, 'SIGTERM')
  rmSync(folder, { recursive: true, force: true })
}

function tell (what) {
  console.log(`${((performance.now() - startMs) / 1000).toFixed(1)} s: ${what}`)
}

async function freePort () {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  return port
}
