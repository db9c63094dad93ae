/** Waits for a condition that events bring about: `changed` is called after each of them. */
export class Until {
  readonly #waiting = new Set<() => void>()

  changed (): void {
    for (const check of [...this.#waiting]) check()
  }

  /** @throws where the condition does not come true in time: the message says what was waited for */
  async true (what: string, condition: () => boolean, timeoutMs = 15_000): Promise<void> {
    if (condition()) return
    await new Promise<void>((resolve, reject) => {
      const check = (): void => {
        if (condition()) end(resolve)
      }
      const timer = setTimeout(() => end(() => reject(new Error(`not in ${timeoutMs} ms: ${what}`))), timeoutMs)
      const end = (then: () => void): void => {
        clearTimeout(timer)
        this.#waiting.delete(check)
        then()
      }
      this.#waiting.add(check)
    })
  }
}

/** Asks again and again, for what brings no event (a value that expires). */
export async function eventually (what: string, condition: () => Promise<boolean>, timeoutMs = 15_000): Promise<void> {
  const endMs = performance.now() + timeoutMs
  while (!await condition()) {
    if (performance.now() > endMs) throw new Error(`not in ${timeoutMs} ms: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
