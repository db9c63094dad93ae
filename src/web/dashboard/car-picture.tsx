import type { JSX } from 'preact'

export function CarPicture (): JSX.Element {
  return (
    <svg viewBox='0 0 64 32' aria-hidden='true' focusable='false'>
      <path class='body' d='M4 24v-7q0-3 4-4l7-1 7-7q2-2 5-2h13q3 0 5 2l7 7 7 2q4 1 4 5v5z' />
      <path class='window' d='M20 12l5-5q1-1 3-1h4v6zM35 6h5q2 0 3 1l5 5H35z' />
      <circle class='wheel' cx='17' cy='25' r='6' />
      <circle class='wheel' cx='48' cy='25' r='6' />
      <circle class='hub' cx='17' cy='25' r='2.4' />
      <circle class='hub' cx='48' cy='25' r='2.4' />
    </svg>
  )
}
