// Builds the pages: their scripts and styles with a hash in the name, and beside each file what it is compressed.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { brotliCompressSync, gzipSync } from 'node:zlib'
import { build } from 'vite'

// Below, the header is more than is saved.
const WORTH_BYTES = 1024

/** From src/web to a folder, which becomes this and nothing else. */
export async function buildWeb (out) {
  const root = resolve('src/web')
  await build({
    configFile: false,
    root,
    // Somebody's own server may have the pages under a path.
    base: './',
    publicDir: 'public',
    logLevel: 'warn',
    oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
    build: {
      outDir: resolve(out),
      emptyOutDir: true,
      target: 'es2022',
      // Our policy lets nothing inline run, and data: only be a picture.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      reportCompressedSize: false,
      rolldownOptions: { input: ['chat', 'dashboard'].map((page) => join(root, `${page}.html`)) }
    }
  })
  const assets = join(out, 'assets')
  for (const file of readdirSync(assets)) {
    const bytes = readFileSync(join(assets, file))
    if (bytes.length < WORTH_BYTES) continue
    writeFileSync(join(assets, `${file}.br`), brotliCompressSync(bytes))
    writeFileSync(join(assets, `${file}.gz`), gzipSync(bytes, { level: 9 }))
  }
}
