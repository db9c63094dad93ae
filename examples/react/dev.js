// A dev server of its own: the page is of another origin than the gateway.
import { context } from 'esbuild'

const { PORT = '5173', GATEWAY = 'ws://localhost:8080/ws' } = process.env

const build = await context({
  entryPoints: ['main.jsx'],
  absWorkingDir: import.meta.dirname,
  outdir: 'site',
  bundle: true,
  write: false,
  jsx: 'automatic',
  define: { GATEWAY: JSON.stringify(GATEWAY) },
  logLevel: 'warning'
})
const { port } = await build.serve({ servedir: 'site', host: '127.0.0.1', port: Number(PORT) })
console.log(`http://localhost:${port}`)
