import { TidegateError } from './errors.ts'
import type { SocketConstructor } from './types.ts'

export type Timer = unknown

/** What the client needs of its surroundings: a browser's page or worker, Node, or a test. */
export interface Host {
  /** Milliseconds that have gone by, those asleep among them. Never goes back. */
  now (): number
  random (): number
  setTimeout (task: () => void, ms: number): Timer
  clearTimeout (timer: Timer): void
  isOffline (): boolean
  /** Calls when there may be another network, or none, or the page is seen again. @returns a function that ends it */
  onNetwork (listener: () => void): () => void
}

interface Target {
  addEventListener (type: string, listener: () => void): void
  removeEventListener (type: string, listener: () => void): void
}

/** What may be there; Node and workers lack some of it. */
type Surroundings = Partial<Target> & {
  readonly WebSocket?: SocketConstructor
  readonly navigator?: { readonly onLine?: boolean }
  readonly document?: Target & { readonly visibilityState: string }
  readonly location?: { readonly href: string }
}

const around = globalThis as unknown as Surroundings
// Of clocks that are set: less is drift.
const JUMP_MS = 1_000
// More overflows, and would be due at once.
const LONGEST_TIMER_MS = 2 ** 31 - 1

function clock (): () => number {
  let startMs = Date.now()
  let asleepMs = -performance.now()
  return () => {
    const elapsedMs = performance.now() + asleepMs
    // Some browsers' performance.now() stands still while the machine sleeps; the clock on the wall does not.
    const aheadMs = Date.now() - startMs - elapsedMs
    if (aheadMs > JUMP_MS) asleepMs += aheadMs
    else if (aheadMs < -JUMP_MS) startMs += aheadMs
    return performance.now() + asleepMs
  }
}

export function realHost (): Host {
  return {
    now: clock(),
    random: Math.random,
    setTimeout: (task, ms) => setTimeout(task, Math.min(ms, LONGEST_TIMER_MS)),
    clearTimeout: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
    isOffline: () => around.navigator?.onLine === false,
    onNetwork: (listener) => {
      const seen = (): void => { if (around.document?.visibilityState !== 'hidden') listener() }
      const events = [[around, 'online'], [around, 'offline'], [around.document, 'visibilitychange'], [around, 'pageshow']] as const
      for (const [target, type] of events) target?.addEventListener?.(type, seen)
      return () => { for (const [target, type] of events) target?.removeEventListener?.(type, seen) }
    }
  }
}

/** The WebSocket to use; rejects with `no_websocket`. */
export async function findWebSocket (given: SocketConstructor | undefined): Promise<SocketConstructor> {
  const found = given ?? around.WebSocket
  if (found !== undefined) return found
  try {
    // Node 20 has none.
    return (await load('ws') as { readonly WebSocket: SocketConstructor }).WebSocket
  } catch (cause) {
    throw new TidegateError('no_websocket', 'there is no WebSocket here', { cause })
  }
}

/** The name is no literal here, so that no bundler looks for the package. */
async function load (name: string): Promise<unknown> {
  return await import(/* @vite-ignore */ /* webpackIgnore: true */ name)
}

/** `https://host` and `wss://host/ws` are the same; a path alone is of the page's own host. */
export function socketUrl (address: string): URL {
  const url = new URL(address, around.location?.href)
  url.protocol = url.protocol.replace('http', 'ws')
  if (url.pathname === '/') url.pathname = '/ws'
  return url
}
