import { WebSocket } from 'ws'
import { type Client, connect, TidegateError } from '../client/index.ts'
import { CliError, EXIT, type ExitCode } from './exit.ts'
import type { Target } from './options.ts'
import { open } from './socket.ts'

// As the SDK's own, and for a second look at what is wrong.
const LONGEST_MS = 10_000
const LONGEST_ASK_MS = 5_000

/** The SDK puts the token into the address, as browsers must: here it goes into a header, which no proxy logs. */
class HeaderSocket extends WebSocket {
  constructor (address: string) {
    const url = new URL(address)
    const token = url.searchParams.get('token')
    url.searchParams.delete('token')
    super(url, { perMessageDeflate: false, ...(token === null ? {} : { headers: { authorization: `Bearer ${token}` } }) })
  }
}

/**
 * Resolves when the gateway has let us in; from then on the client comes back by itself.
 * @param timeoutMs how long an answer may take
 * @throws CliError that says why not: the first try counts
 */
export async function connectTo (target: Target, signal: AbortSignal, timeoutMs = LONGEST_MS): Promise<Client> {
  const { ws, token, user } = target
  const client = connect(ws, { token, user, WebSocket: HeaderSocket, timeoutMs: Math.min(timeoutMs, LONGEST_MS) })
  const onAbort = (): void => client.close()
  signal.addEventListener('abort', onAbort)
  try {
    await new Promise<void>((resolve, reject) => {
      client.on('welcome', () => resolve())
      client.on('error', reject)
      client.on('state', ({ state, error }) => {
        if (state === 'closed' || error !== undefined) reject(error ?? new Error('closed'))
      })
    })
    return client
  } catch (error) {
    client.close()
    // Ctrl-C is no question.
    if (signal.aborted) throw error
    throw await whyNot(target, error as Error, timeoutMs)
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** In the gateway's own words: a client is told only the status. */
async function whyNot (target: Target, { message }: Error, timeoutMs: number): Promise<CliError> {
  const { site } = target
  const opening = await open(target.ws, { ...target, timeoutMs: Math.min(timeoutMs, LONGEST_ASK_MS) })
  if (opening.outcome === 'welcome') {
    opening.socket.terminate()
    return new CliError(EXIT.unreachable, `${site}: ${message}`, 'It answers by now: try again.')
  }
  const doctor = 'tidegate doctor looks for why.'
  if (opening.outcome === 'failed') return new CliError(EXIT.unreachable, `${site}: ${opening.message}`, doctor)
  const { message: why } = opening
  const code = opening.outcome === 'closed' ? opening.code - 4_000 : opening.status
  if (code !== 401) return new CliError(code === 403 ? EXIT.denied : EXIT.unreachable, `${site}: ${why} (${code})`, doctor)
  const advice = target.token === undefined ? 'Give a token: --token, or TIDEGATE_TOKEN.' : 'Get a new one, of this gateway\'s issuer.'
  return new CliError(EXIT.denied, `${site}: ${why}`, advice)
}

/** What the SDK rejected with, for people. @param timeoutS after which it was aborted */
export function refusalOf (error: unknown, timeoutS: number): unknown {
  if (!(error instanceof TidegateError)) return error
  const { reason, code, message, advice } = error
  if (reason === 'aborted') return new CliError(EXIT.unreachable, `no answer within ${timeoutS} s`, error.isUnknown ? 'It may have been done all the same: with --key it is safe to try again.' : undefined)
  return new CliError(exitCodeOf(reason, code), `${reason}: ${message}`, `${advice.charAt(0).toUpperCase()}${advice.slice(1)}.`)
}

function exitCodeOf (reason: TidegateError['reason'], code: number): ExitCode {
  if (['connect_failed', 'disconnected', 'closed'].includes(reason)) return EXIT.unreachable
  return (code === 401 || code === 403) && reason !== 'not_joined' ? EXIT.denied : EXIT.failed
}

interface Asking {
  readonly signal: AbortSignal
  readonly timeoutS: number
}

/** Connects, has `ask` done, and parts, whatever comes of it. */
export async function withClient<Result> (
  target: Target, { signal, timeoutS }: Asking, ask: (client: Client, signal: () => AbortSignal) => Promise<Result>
): Promise<Result> {
  const client = await connectTo(target, signal, timeoutS * 1_000)
  try {
    return await ask(client, () => AbortSignal.any([signal, AbortSignal.timeout(timeoutS * 1_000)]))
  } catch (error) {
    throw refusalOf(error, timeoutS)
  } finally {
    client.close()
  }
}
