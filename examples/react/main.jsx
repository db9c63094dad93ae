/* global GATEWAY, FormData, document, location */
import { StrictMode, useEffect, useState } from 'react'
import { createRoot } from 'react-dom/client'
import { connect } from 'tidegate/client'
import { useMembers, usePosition, useRoom } from 'tidegate/react'

const ROAD = 1_000
const user = new URLSearchParams(location.search).get('user') ?? undefined
// Outside of components: one connection, however often they are rendered.
const client = connect(GATEWAY, { user })

function useConnectionState () {
  const [state, setState] = useState(client.state)
  useEffect(() => {
    setState(client.state)
    return client.on('state', (change) => setState(change.state))
  }, [])
  return state
}

function Car () {
  const [position, move] = usePosition(client)
  const [refusal, setRefusal] = useState('')
  const drive = (delta) => move(delta).then(() => setRefusal(''), (error) => setRefusal(error.message))
  return (
    <section>
      <div className='road'><span className='car' style={{ left: `${(position ?? 0) / ROAD * 95}%` }}>🚗</span></div>
      <button onClick={() => drive(-50)}>Back</button> <button onClick={() => drive(50)}>Forward</button>
      {' '}The car is at <output>{position ?? '…'}</output> {refusal}
    </section>
  )
}

function Chat () {
  const { messages, publish, isJoined, error } = useRoom(client, 'general', { history: 20 })
  const { members } = useMembers(client, 'general')
  const say = (event) => {
    event.preventDefault()
    const form = event.target
    publish(new FormData(form).get('text')).catch((error) => console.warn(error.message, error.advice))
    form.reset()
  }
  return (
    <section>
      <p>Here: <span id='members'>{members.map(({ user }) => user).sort().join(', ')}</span> {error?.message}</p>
      <ul>{messages.map(({ cursor, from, content, gap }) => (
        <li key={cursor}>{gap && '(something is missing here) '}{from}: {String(content)}</li>
      ))}
      </ul>
      <form onSubmit={say}>
        <label>Say <input name='text' required autoComplete='off' /></label> <button disabled={!isJoined}>Send</button>
      </form>
    </section>
  )
}

function App () {
  return <main><p role='status'>{useConnectionState()}</p><Car /><Chat /></main>
}

createRoot(document.getElementById('root')).render(<StrictMode><App /></StrictMode>)
