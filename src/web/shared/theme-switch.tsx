import type { JSX } from 'preact'
import { Icon } from './icon.tsx'
import { choose, THEMES, theme } from './theme.ts'

const NAMES = { system: 'as the system', light: 'light', dark: 'dark' }

/** One button that goes round: as the system, light, dark. */
export function ThemeSwitch (): JSX.Element {
  const now = theme.value
  const next = THEMES[(THEMES.indexOf(now) + 1) % THEMES.length]!
  const label = `Colours: ${NAMES[now]}. Change to ${NAMES[next]}`
  return (
    <button type='button' class='icon-button' id='theme' aria-label={label} title={label} onClick={() => choose(next)}>
      <Icon name={now} />
    </button>
  )
}
