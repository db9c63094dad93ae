import type { JSX } from 'preact'
import { replica } from '../shared/link.ts'
import { isOld, replicas, type ReplicaState } from './cluster.ts'

/** The replicas, with what each has to do; and which one serves this tab. */
export function ReplicasView (): JSX.Element {
  const all = replicas.value
  return (
    <section class='card' aria-labelledby='replicas-title'>
      <h2 id='replicas-title'>Replicas</h2>
      {all === undefined && <p class='soft'>Asking…</p>}
      {all === 'refused' && <p class='soft'>Only for tokens that may administrate.</p>}
      {Array.isArray(all) && <Table all={all} />}
      {isOld.value && <p class='soft'>Not answered just now: this is how it was.</p>}
    </section>
  )
}

function Table ({ all }: { readonly all: readonly ReplicaState[] }): JSX.Element {
  const most = Math.max(1, ...all.map(({ connections }) => connections))
  return (
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
  )
}
