const LINE_END = Buffer.from('\r\n')
const BULK = new Set(['$', '=', '!'])
const LISTS = new Set(['*', '~', '>'])

/**
 * Cuts what a Redis server sends into whole replies (RESP2 and RESP3,
 * https://redis.io/docs/latest/develop/reference/protocol-spec/), so that a test can leave one out.
 */
export class ReplySplitter {
  #rest: Buffer = Buffer.alloc(0)

  /** The replies that are whole now, in order. */
  take (chunk: Buffer): Buffer[] {
    this.#rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const replies: Buffer[] = []
    for (;;) {
      const end = endOf(this.#rest, 0)
      if (end === undefined) return replies
      replies.push(this.#rest.subarray(0, end))
      this.#rest = this.#rest.subarray(end)
    }
  }
}

/** Where the reply that begins at `at` ends; undefined where it is not all there. */
function endOf (bytes: Buffer, at: number): number | undefined {
  const lineEnd = bytes.indexOf(LINE_END, at)
  if (lineEnd < 0) return undefined
  const type = String.fromCharCode(bytes[at]!)
  const count = Number(bytes.toString('latin1', at + 1, lineEnd))
  const next = lineEnd + 2
  if (BULK.has(type)) {
    const end = count < 0 ? next : next + count + 2
    return end <= bytes.length ? end : undefined
  }
  if (LISTS.has(type)) return endOfAll(bytes, next, count)
  return type === '%' ? endOfAll(bytes, next, 2 * count) : next
}

function endOfAll (bytes: Buffer, at: number, count: number): number | undefined {
  let end: number | undefined = at
  for (let n = 0; n < count && end !== undefined; n++) end = endOf(bytes, end)
  return end
}

/** True for a message of Pub/Sub: a push (RESP3) or a list (RESP2) whose first element is `message`. */
export function isMessage (reply: Buffer): boolean {
  return /^[>*]3\r\n\$7\r\nmessage\r\n/.test(reply.toString('latin1', 0, 32))
}
