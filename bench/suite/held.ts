import type { Child } from '../../cluster/child.ts'

/** What a server holds after it has collected its garbage. */
export interface Held {
  readonly rssBytes: number
  /** V8's heap and its buffers. */
  readonly heldBytes: number
}

const asked = new WeakMap<Child, number>()

/** Asks bench/peers/collect-on-signal.ts in it. */
export async function held (child: Child): Promise<Held> {
  const times = (asked.get(child) ?? 0) + 1
  asked.set(child, times)
  child.process.kill('SIGWINCH')
  const [, text] = await child.says(new RegExp(`^memory ${times} (.*)$`))
  return JSON.parse(text!) as Held
}
