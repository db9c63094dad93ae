import type { Test } from 'tap'
import { type Client, connect } from '../helpers/client.ts'

/** Where the clients of a clause connect: two replicas on one Redis, or twice the embedded gateway. */
export interface Place {
  readonly a: string
  readonly b: string
  /** The HTTP address of the first. */
  readonly http: string
}

export type Settings = Readonly<Record<string, string>>

export type StartPlace = (test: Test, settings: Settings) => Promise<Place>

export interface Clause {
  readonly name: string
  readonly settings?: Settings
  readonly check: (test: Test, place: Place) => Promise<void>
}

/** Publishes contents in order; resolves with the cursors, the newest last. */
export async function publish (client: Client, room: string, contents: readonly unknown[]): Promise<string[]> {
  const cursors: string[] = []
  for (const content of contents) {
    const ack = await client.ask({ type: 'message', room, content })
    cursors.push(ack.cursor!)
  }
  return cursors
}

export function upTo (count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1)
}

/** What followed a reply, in short: the contents of messages, and gaps with their reason. */
export async function told (client: Client): Promise<unknown[]> {
  return (await client.settle()).map((frame) => frame.type === 'gap' ? `gap ${frame.reason}` : frame.position ?? frame.content)
}

export async function publisher (test: Test, url: string, room: string): Promise<Client> {
  const client = await connect(test, url)
  await client.ask({ type: 'join', room })
  return client
}
