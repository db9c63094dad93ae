import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { Client } from './client.ts'

// So many for each replica: with 26 of them one is still missed once in a thousand times.
const TRIES_PER_REPLICA = 20
const MESSAGES = 20

interface Guest { readonly client: Client, readonly replica: string, readonly cookie: string }

/** One thing that a deployment has to do. Throws where it does not. */
interface Step { readonly what: string, readonly run: () => Promise<void> }

/**
 * The promises that a deployment must keep, tried from outside and without a trace but some messages in a room of
 * their own.
 * @param site where nginx listens, as `http://host:port`
 * @param replicas how many there are: each is found
 */
export function smoke (site: string, replicas: number): readonly Step[] {
  const room = `smoke-${randomBytes(6).toString('hex')}`
  const open: Client[] = []
  const enter = async (headers: Record<string, string> = {}): Promise<Guest> => {
    const client = new Client(`${site.replace(/^http/, 'ws')}/ws`, { headers })
    open.push(client)
    const upgrade = once(client.socket, 'upgrade') as Promise<[IncomingMessage]>
    const [[{ headers: answer }], welcome] = await Promise.all([upgrade, client.next('welcome')])
    return { client, replica: String(welcome['replica']), cookie: answer['set-cookie']?.[0]?.split(';')[0] ?? '' }
  }
  const get = async (path: string, init?: RequestInit): Promise<Response> => await fetch(`${site}${path}`, init)
  const leave = (): void => { for (const { socket } of open.splice(0)) socket.terminate() }

  /** One connection to each replica. */
  const everywhere = async (): Promise<Guest[]> => {
    const found = new Map<string, Guest>()
    for (let n = 0; n < TRIES_PER_REPLICA * replicas && found.size < replicas; n++) {
      const guest = await enter()
      found.set(guest.replica, guest)
    }
    assert.equal(found.size, replicas, `replicas found: ${[...found.keys()].join(', ')}`)
    return [...found.values()]
  }

  const steps: Step[] = [
    {
      what: 'the pages are served',
      run: async () => {
        for (const page of ['/chat', '/dashboard']) {
          const answer = await get(page)
          assert.equal(answer.status, 200, page)
          assert.match(answer.headers.get('content-type') ?? '', /^text\/html/, page)
        }
      }
    },
    {
      what: 'it lives, and does not show what is for its operators',
      run: async () => {
        assert.equal((await get('/healthz')).status, 200)
        for (const path of ['/readyz', '/metrics']) assert.equal((await get(path)).status, 404, path)
      }
    },
    {
      what: 'a client with its cookie comes back to its replica',
      run: async () => {
        const { replica, cookie } = await enter()
        assert.notEqual(cookie, '', 'a cookie is set')
        for (let n = 0; n < 10; n++) assert.equal((await enter({ cookie })).replica, replica)
      }
    },
    { what: `clients without one reach all ${replicas} replicas`, run: async () => { await everywhere() } },
    {
      what: 'clients of all replicas chat, and see one order',
      run: async () => {
        const clients = (await everywhere()).map(({ client }) => client)
        for (const client of clients) await client.ask({ type: 'join', room })
        await Promise.all(clients.map(async (client, index) => {
          for (let n = 0; n < MESSAGES; n++) {
            const ack = await client.ask({ type: 'message', room, content: `${index}-${n}` })
            assert.equal(ack.type, 'ack', ack.message)
          }
        }))
        const heard = await Promise.all(clients.map(async (client) => {
          const count = (): number => client.texts.filter((text) => text.includes('"type":"message"')).length
          await client.until('all messages', () => count() === clients.length * MESSAGES)
          return client.texts.filter((text) => text.includes('"type":"message"'))
        }))
        for (const texts of heard) assert.deepEqual(texts, heard[0])
      }
    },
    {
      what: 'who comes later reads what was said',
      run: async () => {
        const { client } = await enter()
        const joined = await client.ask({ type: 'join', room, history: 5 })
        assert.equal(joined.seq, replicas * MESSAGES, 'all that was said in the step before')
        for (let n = 4; n >= 0; n--) assert.equal((await client.next('message')).seq, replicas * MESSAGES - n)
      }
    },
    {
      what: 'who was away comes back with its cursor, to each replica, and has missed nothing',
      run: async () => {
        const { client } = await enter()
        const { cursor: since } = await client.ask({ type: 'join', room })
        for (let n = 0; n < MESSAGES; n++) await client.ask({ type: 'message', room, content: `missed-${n}` })
        for (const { client: back, replica } of await everywhere()) {
          const { recovered, replay } = await back.ask({ type: 'join', room, since })
          assert.deepEqual({ recovered, replay }, { recovered: true, replay: MESSAGES }, replica)
          for (let n = 0; n < MESSAGES; n++) assert.equal((await back.next('message')).content, `missed-${n}`)
        }
      }
    },
    {
      what: 'the car moves for everyone, once',
      run: async () => {
        const clients = (await everywhere()).map(({ client }) => client)
        for (const client of clients) await client.ask({ type: 'join', room: 'position' })
        for (const delta of [1, -1]) {
          const answer = await get('/position', {
            method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ delta })
          })
          assert.equal(answer.status, 200)
          const { position } = await answer.json() as { position: number }
          for (const client of clients) await client.take((frame) => frame.position === position, `position ${position}`)
        }
      }
    }
  ]
  return steps.map(({ what, run }) => ({ what, run: () => run().finally(leave) }))
}
