import type { JSX } from 'preact'
import { useRef } from 'preact/hooks'
import { signIn, status } from './link.ts'

const ASKS = ['unauthenticated', 'token_expired']

/** Where the gateway wants a token, and there is none, or it is not taken. */
export function AskToken (): JSX.Element | null {
  const field = useRef<HTMLTextAreaElement>(null)
  const { state, error } = status.value
  if (state !== 'closed' || error === undefined || !ASKS.includes(error.reason)) return null
  const submit = (event: Event): void => {
    event.preventDefault()
    const token = field.current!.value.trim()
    if (token !== '') signIn(token)
  }
  return (
    <form class='card ask-token' id='token-form' onSubmit={submit}>
      <h2>A token, please</h2>
      <p>Paste the one you were given. It stays in this tab, and is in no address and no log.</p>
      <label class='field'>Token
        <textarea id='token' ref={field} rows={4} spellcheck={false} autocomplete='off' />
      </label>
      <button class='primary'>Connect</button>
    </form>
  )
}
