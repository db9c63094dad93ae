import type { JSX } from 'preact'
import { hashOf } from '../shared/address.ts'
import { hasMoreRooms, isAllRooms, rooms } from './cluster.ts'

/** Rooms with somebody in them, over all replicas. */
export function RoomsView (): JSX.Element {
  const all = rooms.value
  return (
    <section class='card' aria-labelledby='rooms-title'>
      <h2 id='rooms-title'>{isAllRooms.value ? 'Rooms' : 'Rooms of this browser'}</h2>
      {all === undefined
        ? <p class='soft'>Asking…</p>
        : all.length === 0
          ? <p class='soft'>{isAllRooms.value ? 'Nobody is in a room.' : 'This browser is in no room.'}</p>
          : (
            <table id='active-rooms'>
              <thead><tr><th scope='col'>Room</th><th scope='col' class='number'>Members</th></tr></thead>
              <tbody>
                {all.map(({ room, members }) => (
                  <tr key={room}>
                    <th scope='row'>{room === 'position' ? room : <a href={`chat${hashOf(room)}`}>{room}</a>}</th>
                    <td class='number'>{members}</td>
                  </tr>
                ))}
              </tbody>
            </table>
            )}
      {hasMoreRooms.value && <p class='soft'>and more</p>}
    </section>
  )
}
