import { signal } from '@preact/signals'
import { type Client, connect, type State, type TidegateError } from '../../client/index.ts'
import { recall, remember } from './store.ts'
import { keepToken, onOtherToken, pageToken } from './token.ts'

export interface Status {
  readonly state: State
  /** When it is tried again, by `Date.now()`. */
  readonly retryAtMs?: number | undefined
  readonly error?: TidegateError | undefined
}

/** The page's one connection: what it is at. */
export const status = signal<Status>({ state: 'connecting' })
/** Who the gateway says that we are; empty before it did. */
export const user = signal('')
/** The replica that serves this tab. */
export const replica = signal('')
/** Another one after a new name or token. */
export const client = signal<Client>(open())

/** The name that was chosen in this browser; empty where none was. */
export const chosenName = signal(recall('name') ?? '')

export function hasToken (): boolean {
  return pageToken() !== null
}

/** Only in open gateways: a token says who somebody is. */
export function goBy (name: string): void {
  chosenName.value = name
  remember('name', name)
  renew()
}

export function useToken (token: string): void {
  keepToken(token)
  renew()
}

onOtherToken(renew)

function renew (): void {
  const old = client.peek()
  user.value = ''
  status.value = { state: 'connecting' }
  client.value = open()
  old.close()
}

function open (): Client {
  // Where one is asked for, browsers do not tell of an upgrade that was refused for want of a token; of a bad token, which
  // an empty one is, a close tells. An open gateway looks at none.
  const made = connect('/ws', { user: recall('name') || undefined, token: pageToken() ?? '' })
  const isCurrent = (): boolean => client.peek() === made
  made.on('state', ({ state, retryInMs, error }) => {
    if (!isCurrent()) return
    status.value = { state, error, retryAtMs: retryInMs === undefined ? undefined : Date.now() + retryInMs }
  })
  made.on('welcome', (welcome) => {
    if (!isCurrent()) return
    user.value = welcome.user
    replica.value = welcome.replica
  })
  return made
}
