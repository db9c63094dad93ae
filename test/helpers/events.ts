import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { StringDecoder } from 'node:string_decoder'
import type { Test } from 'tap'
import type { Frame } from '../../cluster/client.ts'
import { Until } from '../../cluster/until.ts'

/** What EventSource would hand to a page: a frame, and the id that it would come back with. */
export interface Told extends Frame { readonly lastEventId: string }

/** Takes an event stream apart as the HTML Standard says (section 9.2.6). */
export class EventParser {
  readonly events: Array<{ readonly data: string, readonly lastEventId: string }> = []
  lastEventId = ''
  retryMs: number | undefined
  comments = 0
  readonly #decoder = new StringDecoder('utf8')
  #rest = ''
  #id = ''
  #data: string[] = []

  push (bytes: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(bytes)).split(/\r\n|\n|\r(?!$)/)
    this.#rest = lines.pop()!
    for (const line of lines) this.#line(line)
  }

  #line (line: string): void {
    if (line === '') return this.#dispatch()
    const [, field, value = ''] = /^([^:]*)(?:: ?([^]*))?$/.exec(line)!
    if (field === '') this.comments++
    else if (field === 'data') this.#data.push(value)
    else if (field === 'id') this.#id = value
    else if (field === 'retry' && /^[0-9]+$/.test(value)) this.retryMs = Number(value)
    else throw new Error(`not a field that we send: ${line}`)
  }

  #dispatch (): void {
    this.lastEventId = this.#id
    if (this.#data.length > 0) this.events.push({ data: this.#data.join('\n'), lastEventId: this.lastEventId })
    this.#data = []
  }
}

/** One event stream, without a browser's coming back: every event is kept from the first on. */
export class EventClient {
  readonly parser = new EventParser()
  readonly response: IncomingMessage
  /** The frames that no call below has taken yet, in order, but those that tell who came and went. */
  readonly frames: Told[] = []
  readonly presence: Told[] = []
  /** Resolves at the end, with whether the answer came to its end or broke off. */
  readonly ended: Promise<boolean>
  readonly #until = new Until()

  constructor (response: IncomingMessage) {
    this.response = response
    response.on('data', (bytes: Buffer) => {
      this.parser.push(bytes)
      for (const { data, lastEventId } of this.parser.events.splice(0)) {
        const told = { ...JSON.parse(data) as Frame, lastEventId }
        if (told.type === 'system') this.presence.push(told)
        else this.frames.push(told)
      }
      this.#until.changed()
    })
    // A close follows.
    response.on('error', () => {})
    this.ended = new Promise((resolve) => { response.on('close', () => resolve(response.complete)) })
  }

  get lastEventId (): string {
    return this.parser.lastEventId
  }

  close (): void {
    this.response.destroy()
  }

  /** Takes the next frame of a type (and leaves the others where they are). */
  async next (type: string, timeoutMs?: number): Promise<Told> {
    return await this.take((frame) => frame.type === type, `an event of type ${type}`, timeoutMs)
  }

  async take (matches: (frame: Told) => boolean, what: string, timeoutMs?: number): Promise<Told> {
    await this.until(what, () => this.frames.some(matches), timeoutMs)
    return this.frames.splice(this.frames.findIndex(matches), 1)[0]!
  }

  /** Waits for a condition over all that has come, comments too. */
  async until (what: string, condition: () => boolean, timeoutMs?: number): Promise<void> {
    await this.#until.true(what, condition, timeoutMs)
  }
}

/** Follows `/events` of a gateway with this query, until the test ends. @throws where it is refused */
export async function follow (
  test: Test, http: string, query: string, headers: Readonly<Record<string, string>> = {}
): Promise<EventClient> {
  const [response] = await once(get(`${http}/events?${query}`, { headers, agent: false }), 'response') as [IncomingMessage]
  test.teardown(() => { response.destroy() })
  if (response.statusCode !== 200) {
    response.resume()
    throw new Error(`/events answered ${response.statusCode}`)
  }
  return new EventClient(response)
}
