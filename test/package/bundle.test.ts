import { readFileSync } from 'node:fs'
import { buildSync } from 'esbuild'
import { gzipSync } from 'node:zlib'
import t from 'tap'

const LIMIT_BYTES = 8_192

/** As an application's bundler makes it, of what ships. */
function bundle (entry: string, external: string[] = []): Uint8Array {
  const { outputFiles, warnings } = buildSync({
    entryPoints: [entry], bundle: true, minify: true, format: 'esm', platform: 'browser', target: 'es2022', write: false, external
  })
  t.strictSame(warnings, [])
  return outputFiles[0]!.contents
}

t.test('the client, minified and compressed, is small', async (t) => {
  const shipped = readFileSync('build/src/client/tidegate.min.js')
  const bytes = gzipSync(shipped, { level: 9 }).length
  const own = gzipSync(bundle('build/src/client/index.js'), { level: 9 }).length
  t.comment(`dist/client/tidegate.min.js: ${shipped.length} bytes, ${bytes} gzipped (at most ${LIMIT_BYTES})`)
  t.comment(`as another bundler makes it of tidegate/client, with longer names inside: ${own} gzipped`)
  t.ok(bytes < LIMIT_BYTES, `${bytes} bytes`)
  t.ok(own < LIMIT_BYTES * 1.08, `${own} bytes`)
  t.notMatch(String(shipped), /from ?"|require\(/, 'and needs no package')
})

t.test('the React hooks are small, too', async (t) => {
  const bytes = gzipSync(bundle('build/src/react/index.js', ['react']), { level: 9 }).length
  t.comment(`tidegate/react: ${bytes} bytes gzipped, beside the client`)
  t.ok(bytes < 2_048)
})
