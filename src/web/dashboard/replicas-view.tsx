import type { JSX } from 'preact'
import { replica } from '../shared/link.ts'
import { replicas } from './cluster.ts'

/** The replicas, with what each has to do; and which one serves this tab. */
export function ReplicasView (): JSX.Element {
  const all = replicas.value
  const most = Math.max(1, ...(all ?? []).map(({ connections }) => connections))
  return (
    <section class='card' aria-labelledby='replicas-title'>
      <h2 id='replicas-title'>Replicas</h2>
      {all === undefined
        ? <p class='soft'>Only for tokens that may administrate.</p>
        : (
          <table id='replicas'>
            <thead><tr><th scope='col'>Replica</th><th scope='col' class='number'>Connections</th><th scope='col' class='number'>Rooms</th><th scope='col' class='number'>Deliveries/s</th></tr></thead>
            <tbody>
              {all.map((one) => (
                <tr key={one.replica} class={one.replica === replica.value ? 'mine' : undefined}>
                  <th scope='row'>{one.replica}{one.replica === replica.value && <span class='tag'>this tab</span>}</th>
                  <td class='number'><meter min={0} max={most} value={one.connections} aria-label={`${one.replica}: connections`} />{one.connections}</td>
                  <td class='number'>{one.rooms}</td>
                  <td class='number'>{one.deliveriesPerSecond === undefined ? '–' : Math.round(one.deliveriesPerSecond)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          )}
    </section>
  )
}
