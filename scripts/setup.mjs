// Makes a fresh clone ready, with nothing but Node and npm: `node scripts/setup.mjs PURPOSE`.
//   start     npm packages, and dist/
//   test      npm packages, build/, and what the tests run: redis-server, nginx, chromium, python3 with websockets
//   embedded  as test, without those programs (npm run test:embedded needs none)
//   cluster   npm packages, build/, redis-server and nginx
//   tools     npm packages, build/
// What was done is remembered by what it was made from, so a second run takes no time.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PROGRAMS = {
  test: ['redis-server', 'nginx', 'chromium', 'openssl', 'python3-websockets'],
  cluster: ['redis-server', 'nginx']
}
// Its own Python has Debian's packages; another may come first on the PATH.
const PYTHONS = ['/usr/bin/python3', 'python3']
const purpose = process.argv[2] ?? 'start'

// Programs first: where they can't be had, nobody should have waited for the rest.
installPrograms(PROGRAMS[purpose] ?? [])
once('packages', ['package-lock.json'], 'node_modules', () => {
  say('installing npm packages')
  // NODE_ENV=production would leave out the compiler.
  run('npm', ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'])
})
if (purpose === 'start') {
  once('dist', sources('src'), 'dist', () => build())
} else {
  if (['test', 'embedded'].includes(purpose)) prepareRunner()
  once('build', sources('src', 'test', 'cluster', 'bench', 'conformance'), 'build', () => build('build'))
}

function prepareRunner () {
  once('tap', ['.taprc'], 'node_modules', () => {
    say('preparing the test runner')
    run(process.execPath, ['node_modules/tap/dist/esm/run.mjs', 'build'])
  })
}

function build (...out) {
  say('compiling')
  run(process.execPath, ['scripts/build.mjs', ...out])
}

/** Runs a step unless its result is there, made from the same files by the same Node; the stamp goes with it. */
function once (name, inputs, result, step) {
  const stampFile = join(result, `.tidegate-${name}`)
  const stamp = digest(inputs)
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return
  step()
  writeFileSync(stampFile, stamp)
}

function digest (files) {
  const hash = createHash('sha256').update(process.version)
  for (const file of files) hash.update(file).update('\0').update(readFileSync(file))
  return hash.digest('hex')
}

function sources (...folders) {
  const files = folders.flatMap((folder) => readdirSync(folder, { recursive: true }).map((file) => join(folder, file)))
  const scripts = ['build', 'client-bundle', 'web'].map((name) => `scripts/${name}.mjs`)
  const settings = ['tsconfig.json', 'tsconfig.build.json', 'tsconfig.web.json', 'package-lock.json', ...scripts, 'nginx.conf']
  return [...files.filter((file) => statSync(file).isFile()).sort(), ...settings]
}

/** Debian's packages are called as the programs are, but for those of a language. */
function installPrograms (programs) {
  // Debian keeps servers where only root's PATH leads.
  const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` }
  const missing = programs.filter((program) => !isThere(program, env))
  if (missing.length === 0) return
  if (existsSync('/etc/debian_version') && process.getuid() === 0) {
    say(`installing ${missing.join(', ')} (once)`)
    env.DEBIAN_FRONTEND = 'noninteractive'
    run('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=120', 'update'], env)
    run('apt-get', ['-qq', '-o', 'DPkg::Lock::Timeout=120', 'install', '-y', '--no-install-recommends', ...missing], env)
    return
  }
  fail(`real servers are run here (and by the tests a real browser), and these are not there: ${missing.join(', ')}.
Install them with your system's package manager (Debian, Ubuntu: sudo apt-get install ${missing.join(' ')};
macOS: brew install redis nginx, pip3 install websockets, and Chromium with a \`chromium\` on the PATH), and try again.
The part of the tests that needs none of them: npm run test:embedded`)
}

function isThere (program, env) {
  if (program !== 'python3-websockets') return spawnSync(program, ['--version'], { env }).error === undefined
  return PYTHONS.some((python) => spawnSync(python, ['-c', 'import websockets'], { env }).status === 0)
}

function run (command, args, env = process.env) {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 2, 2], env })
  if (status !== 0) fail(`${command} ${args.join(' ')} failed${error === undefined ? '' : `: ${error.message}`}`)
}

function say (text) {
  process.stderr.write(`tidegate: ${text}\n`)
}

function fail (text) {
  say(text)
  process.exit(1)
}
