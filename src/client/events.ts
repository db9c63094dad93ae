type Listener = (value: never) => void

/** Ends a subscription. Calling it twice does nothing. */
export type Unsubscribe = () => void

/** Listeners by the name of their event. What one throws reaches neither us nor the others: it is uncaught. */
export class Emitter<Events> {
  readonly #listeners = new Map<keyof Events, Set<{ readonly call: Listener }>>()

  on<Name extends keyof Events> (name: Name, listener: (value: Events[Name]) => void): Unsubscribe {
    const entry = { call: listener as Listener }
    let all = this.#listeners.get(name)
    if (all === undefined) this.#listeners.set(name, all = new Set())
    all.add(entry)
    return () => { all.delete(entry) }
  }

  emit<Name extends keyof Events> (name: Name, value: Events[Name]): void {
    for (const { call } of [...this.#listeners.get(name) ?? []]) {
      try {
        (call as (value: Events[Name]) => void)(value)
      } catch (error) {
        // Told as any other uncaught error of the application.
        queueMicrotask(() => { throw error })
      }
    }
  }
}
