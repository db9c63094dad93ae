import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import proxyAddr from '@fastify/proxy-addr'
import type { SessionCounts } from '../session/counts.ts'
import type { AddressRates } from './address-rates.ts'
import { networkOf } from './admission.ts'

// A WebSocket each, and as many for requests.
const SOCKETS_PER_CONNECTION = 2

/**
 * Bounds how many TCP connections one address holds, WebSockets or not: idle ones of HTTP cost a file each. Behind a
 * trusted proxy this is the proxy's business, which sees who is there.
 * @param maxConnections WebSockets that an address may have; Infinity for no bound
 * @param spare an address that has none left is hung up on at once
 */
export function limitSockets (
  server: Server, maxConnections: number, trustProxy: readonly string[], spare: Pick<AddressRates, 'isSpent'>,
  { hungUp }: Pick<SessionCounts, 'hungUp'>
): void {
  const isTrusted = proxyAddr.compile([...trustProxy])
  const byAddress = new Map<string, number>()
  const counted = new WeakSet<Socket>()
  // By Node, where there are too many for the files that may be open.
  server.on('drop', () => { hungUp.files++ })
  server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket
    // One that has offered an upgrade in vain comes again.
    if (remoteAddress === undefined || counted.has(socket) || isTrusted(remoteAddress, 0)) return
    const address = networkOf(remoteAddress)
    const count = (byAddress.get(address) ?? 0) + 1
    const isSpent = spare.isSpent(address)
    if (count > SOCKETS_PER_CONNECTION * maxConnections || isSpent) {
      hungUp[isSpent ? 'refusals' : 'sockets']++
      socket.destroy()
      return
    }
    // Without a bound nothing is kept of each.
    if (maxConnections === Infinity) return
    byAddress.set(address, count)
    counted.add(socket)
    socket.once('close', () => {
      const left = byAddress.get(address)! - 1
      if (left > 0) byAddress.set(address, left)
      else byAddress.delete(address)
    })
  })
}
