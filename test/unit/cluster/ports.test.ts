import { once } from 'node:events'
import { createServer } from 'node:net'
import t from 'tap'
import { freePort, tryPort } from '../../../cluster/ports.ts'

t.test('a free port is none that a kernel gives to connections by itself, and each is another', async (t) => {
  const ports = await Promise.all(Array.from({ length: 20 }, () => freePort()))
  for (const port of ports) t.ok(port >= 20_000 && port < 32_768, String(port))
  t.ok(new Set(ports).size > 15)
})

t.test('a port that somebody has is refused with its code', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as { port: number }
  await t.rejects(tryPort(port, '127.0.0.1'), { code: 'EADDRINUSE' })
})
