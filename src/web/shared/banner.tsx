import { useSignal } from '@preact/signals'
import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import type { TidegateError } from '../../client/index.ts'
import { client, status } from './link.ts'

// Not every blink of the network is worth a banner.
const PATIENCE_MS = 700

/**
 * Says what is the matter with the connection, and what that means for the reader; nothing while all is well.
 * @param waiting what is written meanwhile, as a sentence
 */
export function Banner ({ waiting }: { readonly waiting: string }): JSX.Element {
  const { state, error } = status.value
  const isPatient = useSignal(true)
  const isBad = state !== 'online'
  useEffect(() => {
    isPatient.value = true
    if (!isBad) return
    const timer = setTimeout(() => { isPatient.value = false }, PATIENCE_MS)
    return () => clearTimeout(timer)
  }, [isBad])
  // The element stays, so that screen readers hear what comes into it.
  return (
    <div role='status' class='banner-place'>
      {isBad && (!isPatient.value || state === 'closed') && (
        <p class='banner' id='banner' data-tone={state === 'closed' ? 'bad' : 'warn'}>
          <span>{sentence(state, error)} {state !== 'closed' && waiting}</span>
          {state === 'waiting' && <Countdown />}
        </p>
      )}
    </div>
  )
}

function sentence (state: string, error: TidegateError | undefined): string {
  const isFirst = client.value.replica === undefined
  switch (state) {
    case 'offline': return 'This device is offline.'
    case 'waiting': return isFirst ? 'The gateway cannot be reached.' : 'The connection was lost.'
    case 'closed': return `Stopped: ${reasonOf(error)}.`
    default: return isFirst ? 'Still connecting…' : 'Reconnecting…'
  }
}

const REASONS: Readonly<Record<string, string>> = {
  unauthenticated: 'this gateway asks for a token, or does not take this one',
  token_expired: 'the token has expired',
  forbidden: 'an operator has disconnected you'
}

function reasonOf (error: TidegateError | undefined): string {
  if (error === undefined) return 'the connection was closed'
  return REASONS[error.reason] ?? error.message
}

/** Hidden from screen readers, which would read out every second. */
function Countdown (): JSX.Element | null {
  const now = useSignal(Date.now())
  useEffect(() => {
    const timer = setInterval(() => { now.value = Date.now() }, 250)
    return () => clearInterval(timer)
  }, [])
  const { retryAtMs } = status.value
  if (retryAtMs === undefined) return null
  const seconds = Math.max(0, Math.ceil((retryAtMs - now.value) / 1000))
  return <span class='countdown' aria-hidden='true'>{seconds === 0 ? 'Trying now…' : `Next try in ${seconds} s`}</span>
}
