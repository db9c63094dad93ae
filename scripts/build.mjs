// Compiles the gateway and its pages. `node scripts/build.mjs` leaves dist/ (what ships);
// `node scripts/build.mjs build` leaves build/ (sources and tests, for the test runner).
import { spawnSync } from 'node:child_process'
import { chmodSync, cpSync, rmSync } from 'node:fs'
import { bundleClient } from './client-bundle.mjs'
import { buildWeb } from './web.mjs'

const forTests = process.argv[2] === 'build'
const out = forTests ? 'build' : 'dist'
const webOut = forTests ? 'build/src/web' : 'dist/web'

// A deleted source's output would still be run, or shipped.
rmSync(out, { recursive: true, force: true })
tsc('-p', forTests ? 'tsconfig.json' : 'tsconfig.build.json')
await buildWeb(webOut)
bundleClient(forTests ? 'build/src/client/tidegate.min.js' : 'dist/client/tidegate.min.js')
// npm makes a bin executable when it installs a package, and not in a clone.
chmodSync(forTests ? 'build/src/cli/main.js' : 'dist/cli/main.js', 0o755)
// What cluster/ starts nginx with: of the same moment as the code.
if (forTests) cpSync('nginx.conf', 'build/nginx.conf')

function tsc (...args) {
  const { status } = spawnSync(process.execPath, ['node_modules/typescript/bin/tsc', ...args], { stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
