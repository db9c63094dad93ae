/** The beginning of what comes, and all of it. */
export interface Peeked {
  readonly head: Buffer
  readonly all: AsyncIterable<Uint8Array>
}

/**
 * Reads as much as has `bytes` bytes, or all where there are fewer; not a chunk more. What is not read is left
 * as it is, not destroyed: whoever is refused is to hear it, on the same socket.
 */
export async function peek (content: AsyncIterable<Uint8Array>, bytes: number): Promise<Peeked> {
  const chunks = content[Symbol.asyncIterator]()
  const first: Uint8Array[] = []
  let came = 0
  while (came < bytes) {
    const { done, value } = await chunks.next()
    if (done === true) break
    first.push(value)
    came += value.length
  }
  const head = Buffer.concat(first)
  return { head: head.subarray(0, bytes), all: followedBy(head, chunks) }
}

async function * followedBy (head: Uint8Array, rest: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield head
  for (;;) {
    const { done, value } = await rest.next()
    if (done === true) return
    yield value
  }
}
