import { signal } from '@preact/signals'

const TOLD_EVERY_MS = 3_000
const FORGOTTEN_MS = 5_000
const MAX_TYPISTS = 20

export interface TypingSignal { readonly type: 'typing' }

export function isTyping (content: unknown): content is TypingSignal {
  return typeof content === 'object' && content !== null && (content as { type?: unknown }).type === 'typing'
}

/** Who writes just now: told by ephemeral messages every 3 s, and forgotten after 5 s without one. */
export class Typing {
  readonly names = signal<readonly string[]>([])
  readonly #timers = new Map<string, ReturnType<typeof setTimeout>>()
  #toldMs = -Infinity

  heard (name: string): void {
    const before = this.#timers.get(name)
    if (before === undefined && this.#timers.size >= MAX_TYPISTS) return
    clearTimeout(before)
    this.#timers.set(name, setTimeout(() => this.stopped(name), FORGOTTEN_MS))
    if (before === undefined) this.#show()
  }

  /** What was written has come. */
  stopped (name: string): void {
    clearTimeout(this.#timers.get(name))
    if (this.#timers.delete(name)) this.#show()
  }

  clear (): void {
    for (const name of [...this.#timers.keys()]) this.stopped(name)
  }

  /** @param tell is called where it is time to say it again */
  wrote (tell: () => void): void {
    const now = performance.now()
    if (now - this.#toldMs < TOLD_EVERY_MS) return
    this.#toldMs = now
    tell()
  }

  /** The next letter is told at once. */
  sent (): void {
    this.#toldMs = -Infinity
  }

  #show (): void {
    this.names.value = [...this.#timers.keys()]
  }
}
