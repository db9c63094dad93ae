import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import type { HangUp } from '../session/counts.ts'
import type { AddressRates } from './address-rates.ts'
import { networkOf } from './admission.ts'

// A WebSocket each, and as many for requests.
const SOCKETS_PER_CONNECTION = 2

/** Whether an address is that of a proxy that is trusted, as of TRUST_PROXY. */
export type IsProxy = (address: string, hop: number) => boolean

interface SocketLimits {
  /** WebSockets that an address may have; Infinity for no bound. */
  readonly maxPerAddress: number
  readonly isProxy: IsProxy
  readonly spare: Pick<AddressRates, 'isSpent'>
  readonly onHangUp: (cause: HangUp, address?: string) => void
}

/**
 * Hangs up on an address that has nothing to spare, and bounds how many TCP connections each holds, WebSockets or not:
 * idle ones of HTTP cost a file each. Behind a trusted proxy this is the proxy's business, which sees who is there.
 */
export function limitSockets (server: Server, { maxPerAddress, isProxy, spare, onHangUp }: SocketLimits): void {
  const byAddress = new Map<string, number>()
  const counted = new WeakSet<Socket>()
  // By Node, where there are too many for the files that may be open.
  server.on('drop', () => { onHangUp('files') })
  server.on('connection', (socket: Socket) => {
    const { remoteAddress } = socket
    // One that has offered an upgrade in vain comes again.
    if (remoteAddress === undefined || counted.has(socket) || isProxy(remoteAddress, 0)) return
    const address = networkOf(remoteAddress)
    const count = (byAddress.get(address) ?? 0) + 1
    const isSpent = spare.isSpent(address)
    if (count > SOCKETS_PER_CONNECTION * maxPerAddress || isSpent) {
      onHangUp(isSpent ? 'rate' : 'sockets', address)
      socket.destroy()
      return
    }
    // Without a bound nothing is kept of each.
    if (maxPerAddress === Infinity) return
    byAddress.set(address, count)
    counted.add(socket)
    socket.once('close', () => {
      const left = byAddress.get(address)! - 1
      if (left > 0) byAddress.set(address, left)
      else byAddress.delete(address)
    })
  })
}
