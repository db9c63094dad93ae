import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import t, { type Test } from 'tap'
import { limitSockets } from '../../../src/http/sockets.ts'
import type { HangUp } from '../../../src/session/counts.ts'

const SPENT = '127.0.0.2'

interface Opened {
  readonly from: (address: string) => Socket
  readonly hungUp: HangUp[]
}

/** A server whose proxy is 127.0.0.3, and how to connect to it. Each of its ends says `hello`. */
async function open (t: Test, maxPerAddress: number): Promise<Opened> {
  const hungUp: HangUp[] = []
  const server = createServer()
  limitSockets(server, {
    maxPerAddress,
    isProxy: (address) => address === '127.0.0.3',
    spare: { isSpent: (address) => address === SPENT },
    onHangUp: (cause) => { hungUp.push(cause) }
  })
  server.on('connection', (socket: Socket) => { if (!socket.destroyed) socket.write('hello') })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  t.teardown(() => { server.close() })
  const from = (localAddress: string): Socket => {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    t.teardown(() => { socket.destroy() })
    return socket.on('error', () => {})
  }
  return { from, hungUp }
}

async function isTaken (socket: Socket): Promise<boolean> {
  return await Promise.race([once(socket, 'data').then(() => true), once(socket, 'close').then(() => false)])
}

t.test('an address that has spent its refusals is hung up on as it comes, also where nobody is held to so many', async (t) => {
  for (const maxPerAddress of [10, Infinity]) {
    const { from, hungUp } = await open(t, maxPerAddress)
    t.equal(await isTaken(from(SPENT)), false)
    t.equal(await isTaken(from('127.0.0.1')), true)
    t.strictSame(hungUp, ['rate'])
  }
})

t.test('an address has two sockets for each connection that it may have; a proxy as many as it likes', async (t) => {
  const { from, hungUp } = await open(t, 1)
  const held = [from('127.0.0.1'), from('127.0.0.1')]
  t.strictSame(await Promise.all(held.map(isTaken)), [true, true])
  t.equal(await isTaken(from('127.0.0.1')), false)
  t.strictSame(hungUp, ['sockets'])
  t.strictSame(await Promise.all(['127.0.0.3', '127.0.0.3', '127.0.0.3'].map((address) => isTaken(from(address)))), [true, true, true])
})
