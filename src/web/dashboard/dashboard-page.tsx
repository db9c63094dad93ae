import type { JSX } from 'preact'
import { useEffect } from 'preact/hooks'
import { AskToken } from '../shared/ask-token.tsx'
import { Banner } from '../shared/banner.tsx'
import { Icon } from '../shared/icon.tsx'
import { Shell } from '../shared/shell.tsx'
import { nudge, position, steering, toldMs, trouble } from './car.ts'
import { Figures } from './figures.tsx'
import { Plot } from './plot.tsx'
import { ReplicasView } from './replicas-view.tsx'
import { RoadView } from './road-view.tsx'
import { RoomsView } from './rooms-view.tsx'

const STEP = 50

/** The shared car, and how the gateway is. */
export function DashboardPage (): JSX.Element {
  useEffect(() => {
    document.addEventListener('keydown', onKey)
    return () => document.removeEventListener('keydown', onKey)
  }, [])
  const at = steering.held.value ?? position.value
  return (
    <Shell page='dashboard'>
      <main class='dashboard' id='main' tabIndex={-1}>
        <Banner waiting='The car is shown where it was; moves are made when it is back.' />
        <AskToken />
        <section class='card scene' aria-labelledby='title'>
          <div class='scene-head'>
            <div>
              <h1 id='title'>Position of the car</h1>
              <p class='soft'>Last told at <time id='updated'>{toldMs.value === undefined ? '–' : new Date(toldMs.value).toLocaleTimeString()}</time></p>
            </div>
            {/* Not read out at each step of a drag: the car tells where it is to whoever asks. */}
            <output id='position' aria-live='off' class={String(at).length > 8 ? 'long' : undefined}>{at === undefined ? '–' : String(at).replace('-', '−')}</output>
          </div>
          <RoadView />
          <div class='controls'>
            <button type='button' id='backward' class='primary' onClick={() => nudge(-STEP)}><Icon name='left' />Backward</button>
            <button type='button' id='forward' class='primary' onClick={() => nudge(STEP)}>Forward<Icon name='right' /></button>
          </div>
          <p class='soft hint'>For everyone who looks. Each press moves it by {STEP}, as the arrow keys do; or drag the car.</p>
          <p id='notice' class='wrong' role='alert'>{trouble.value}</p>
        </section>
        <section class='card' aria-labelledby='plot-title'>
          <h2 id='plot-title'>The last minute</h2>
          <Plot />
        </section>
        <Figures />
        <div class='two'>
          <ReplicasView />
          <RoomsView />
        </div>
      </main>
    </Shell>
  )
}

/** The arrow keys, wherever the focus is, but where they have a meaning of their own. */
function onKey (event: KeyboardEvent): void {
  const direction = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
  if (direction === 0 || event.altKey || event.ctrlKey || event.metaKey) return
  if (event.target instanceof HTMLTextAreaElement || event.target instanceof HTMLInputElement) return
  event.preventDefault()
  nudge(direction * STEP)
}
