import type { JSX } from 'preact'
import { replica, status } from '../shared/link.ts'
import { moveMs } from './car.ts'
import { pingMs, updatesPerSecond } from './cluster.ts'

/** What this tab measures itself. */
export function Figures (): JSX.Element {
  const isOnline = status.value.state === 'online'
  return (
    <dl class='figures'>
      <Figure name='Replica serving this tab' id='replica' value={isOnline ? replica.value : '–'} />
      <Figure name='Updates in the last second' id='updates' value={String(updatesPerSecond.value)} />
      <Figure name='A move, there and back' id='move-ms' value={msText(moveMs.value)} />
      <Figure name='Ping of the connection' id='ping-ms' value={msText(isOnline ? pingMs.value : undefined)} />
    </dl>
  )
}

interface FigureProps { readonly name: string, readonly id: string, readonly value: string }

function Figure ({ name, id, value }: FigureProps): JSX.Element {
  return <div><dt>{name}</dt><dd id={id}>{value}</dd></div>
}

function msText (ms: number | undefined): string {
  return ms === undefined ? '–' : ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms)} ms`
}
