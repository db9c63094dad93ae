import { type Client, connect, type Message, TidegateError } from 'tidegate/client'
import { useMembers, usePosition, useRoom } from 'tidegate/react'

interface ChatMessage { readonly text: string }
interface Order { readonly total: number }
interface BigOrder { readonly total: bigint }
interface Rooms { general: ChatMessage, 'orders:*': Order, 'orders:big:*': BigOrder }

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? true : false
function same<A, B> (_isSame: Same<A, B>): void {}

export async function app (): Promise<Client<Rooms>> {
  const client = connect<Rooms>('wss://example.org/ws', { getToken: async () => 'token' })
  const general = client.room('general', { history: 50 })
  general.on('message', (message) => {
    same<typeof message, Message<ChatMessage>>(true)
    const { text } = message.content
    text.toUpperCase()
  })
  const { seq, cursor, duplicate } = await general.publish({ text: 'hello' })
  same<typeof seq, number | undefined>(true)
  same<typeof cursor, string | undefined>(true)
  same<typeof duplicate, boolean>(true)
  // @ts-expect-error a chat message has a text
  await general.publish({ total: 1 })

  client.room('orders:1').on('message', ({ content }) => { same<typeof content, Order>(true) })
  client.room('orders:big:1').on('message', ({ content }) => { same<typeof content, BigOrder>(true) })
  client.room('elsewhere').on('message', ({ content }) => { same<typeof content, unknown>(true) })
  client.room<ChatMessage>('elsewhere').on('message', ({ content }) => { same<typeof content, ChatMessage>(true) })
  // @ts-expect-error there is no such event
  general.on('massage', () => {})
  for await (const { content, gap } of general) if (gap === undefined) content.text.trim()

  client.on('state', ({ state, retryInMs }) => { if (state === 'waiting') Number(retryInMs) })
  client.on('error', ({ reason, code, retryable, advice }) => {
    if (reason === 'rate_limited') console.log(code, retryable, advice)
    // @ts-expect-error there is no such reason
    if (reason === 'bored') console.log()
  })
  try {
    const { position } = await client.position.move(50, { signal: AbortSignal.timeout(1_000) })
    position.toFixed()
  } catch (error) {
    if (error instanceof TidegateError && error.isUnknown) console.log(error.reason)
  }
  return client
}

export function useEverything (client: Client<Rooms>): number {
  const { messages, publish } = useRoom<ChatMessage>(client, 'general', { history: 10 })
  void publish({ text: messages[0]?.content.text ?? '' })
  const [position, move] = usePosition(client)
  void move(1)
  return useMembers(client, 'general').count + (position ?? 0)
}
