import type { JSX } from 'preact'
import { replica, status, user } from './link.ts'

/** Where the connection stands, in two words; what to make of it is in the banner. */
export function StatusPill (): JSX.Element {
  const { state } = status.value
  return (
    <p id='status' class='pill' data-state={state}>
      {state === 'online' ? <><i>Online as</i> <b>{user}</b> <span>via {replica}</span></> : WORDS[state]}
    </p>
  )
}

const WORDS = { connecting: 'Connecting…', waiting: 'Reconnecting', offline: 'Offline', closed: 'Stopped' }
