import type { Test } from 'tap'
import { type Client, connect } from './client.ts'
import type { RunningGateway } from './gateway.ts'
import { figuresOf } from './metrics.ts'

// How often a replica that does not deliver comes to see whether it should.
export const QUICK = { PRESENCE_LEASE_MS: '500' }

export async function enter (test: Test, { ws }: RunningGateway, user: string, room = 'general'): Promise<Client> {
  const client = await connect(test, `${ws}?user=${user}&join=${room}`)
  await client.next('joined')
  return client
}

export async function figure ({ http }: RunningGateway, name: string): Promise<number> {
  return (await figuresOf(http)).get(`webhook_${name}`)!
}

export function linesAbout ({ logged }: RunningGateway): string[] {
  return logged.map((line) => JSON.parse(line) as { msg: string, problem?: string })
    .filter(({ msg }) => /webhook/.test(msg)).map(({ msg, problem }) => [msg, problem].filter(Boolean).join(': '))
}
