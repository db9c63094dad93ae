import { execFile } from 'node:child_process'
import { cp, mkdir, readdir, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { makeTempFolder, removeTempFolder } from '../../../cluster/temp-folder.ts'

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
const exec = promisify(execFile)

t.setTimeout(120_000)

t.test('npx runs tidegate from the package, as npm pack makes it', async (t) => {
  const folder = await makeTempFolder('pack')
  t.teardown(() => removeTempFolder(folder))
  // As scripts/build.mjs leaves it: the same files, compiled for the tests.
  const source = join(folder, 'source')
  await mkdir(source)
  await cp(join(ROOT, 'build/src'), join(source, 'dist'), { recursive: true })
  for (const name of ['package.json', 'README.md', 'CHANGELOG.md', 'LICENSE']) await cp(join(ROOT, name), join(source, name))
  await exec('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: source })
  const tarball = (await readdir(folder)).find((name) => name.endsWith('.tgz'))!

  const { stdout: listed } = await exec('tar', ['-tvf', join(folder, tarball)])
  const line = listed.split('\n').find((each) => each.endsWith('package/dist/cli/main.js'))!
  t.match(line, /^-rwxr-xr-x/, 'it can be executed')
  t.notMatch(listed, /\.test\.js|\.env|package\/src/)

  // What npm install would do, without asking a registry.
  const modules = join(folder, 'app/node_modules')
  await mkdir(join(modules, '.bin'), { recursive: true })
  for (const name of await readdir(join(ROOT, 'node_modules'))) {
    if (!name.startsWith('.')) await symlink(join(ROOT, 'node_modules', name), join(modules, name))
  }
  await mkdir(join(modules, 'tidegate'))
  await exec('tar', ['-xf', join(folder, tarball), '-C', join(modules, 'tidegate'), '--strip-components=1'])
  await symlink('../tidegate/dist/cli/main.js', join(modules, '.bin/tidegate'))

  const npx = async (...args: string[]): Promise<string> =>
    (await exec('npx', ['--no-install', 'tidegate', ...args], { cwd: join(folder, 'app') })).stdout
  const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string }
  t.equal(await npx('--version'), `${version}\n`)
  t.match(await npx('serve', '--help'), /Usage: tidegate serve/)
  const failed = await exec('npx', ['--no-install', 'tidegate', 'move', '1', '--url', 'http://127.0.0.1:1'], {
    cwd: join(folder, 'app')
  }).catch((error: { code: number, stderr: string }) => error)
  t.match(failed, { code: 3, stderr: /nothing listens there/ })
})
