import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'

const run = promisify(execFile)
const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const TOOLS = join(ROOT, 'node_modules/.bin')

/** What would be published, built anew and packed. */
async function pack (t: Test): Promise<{ folder: string, tarball: string, files: string[] }> {
  const folder = mkdtempSync(join(tmpdir(), 'tidegate-pack-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  // The working copy may be built by another test at this moment.
  for (const file of ['src', 'scripts', 'package.json', 'tsconfig.json', 'tsconfig.build.json', 'tsconfig.web.json', 'nginx.conf', 'README.md', 'CHANGELOG.md', 'LICENSE']) {
    cpSync(join(ROOT, file), join(folder, file), { recursive: true })
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  await run(process.execPath, ['scripts/build.mjs'], { cwd: folder })
  const { stdout } = await run('npm', ['pack', '--json', '--ignore-scripts'], { cwd: folder })
  const [packed] = JSON.parse(stdout) as [{ filename: string, files: Array<{ path: string }> }]
  return { folder, tarball: join(folder, packed.filename), files: packed.files.map(({ path }) => path) }
}

t.setTimeout(180_000)
t.test('what npm publishes', { timeout: 180_000 }, async (t) => {
  const { folder, tarball, files } = await pack(t)

  await t.test('holds what it should, and nothing else', async (t) => {
    for (const path of ['dist/client/index.js', 'dist/client/index.d.ts', 'dist/react/index.js', 'dist/react/index.d.ts', 'dist/index.js', 'dist/main.js', 'dist/web/chat.html', 'dist/web/dashboard.html', 'package.json', 'README.md', 'LICENSE']) {
      t.ok(files.includes(path), path)
    }
    const strange = files.filter((path) => !/^(?:dist\/|package\.json$|README\.md$|CHANGELOG\.md$|LICENSE$)/.test(path))
    t.strictSame(strange, [])
    t.strictSame(files.filter((path) => /\.test\.|\.tsbuildinfo|node_modules/.test(path)), [])
  })

  await t.test('publint finds nothing', async (t) => {
    const { stdout } = await run(join(TOOLS, 'publint'), ['run', tarball, '--strict', '--pack', 'false'])
    t.match(stdout, /All good/)
  })

  await t.test('its types are right', async (t) => {
    const { stdout } = await run(join(TOOLS, 'attw'), [tarball, '--profile', 'esm-only', '--no-color', '--no-emoji'])
    // It exits with 1 where there is a problem.
    t.match(stdout, /"tidegate\/client" +│ OK/)
  })

  await t.test('an application compiles against it, and what is wrong does not', async (t) => {
    const app = join(folder, 'app')
    mkdirSync(join(app, 'node_modules/tidegate'), { recursive: true })
    await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', join(app, 'node_modules/tidegate')])
    mkdirSync(join(app, 'node_modules/@types'))
    for (const name of ['@types/react', 'csstype', '@types/prop-types']) symlinkSync(join(ROOT, 'node_modules', name), join(app, 'node_modules', name))
    cpSync(join(ROOT, 'test/package/app/app.ts'), join(app, 'app.ts'))
    writeFileSync(join(app, 'package.json'), '{"type":"module"}')
    // A browser's application: no types of Node.
    const options = ['--ignoreConfig', '--noEmit', '--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext', '--target', 'es2022', '--lib', 'es2022,dom', '--types', 'react']
    const { stdout } = await run(join(TOOLS, 'tsc'), [...options, 'app.ts'], { cwd: app }).catch((error: { stdout: string }) => error)
    t.equal(stdout, '')
  })
})
