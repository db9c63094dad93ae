import { effect, signal } from '@preact/signals'
import { recall, remember } from './store.ts'

export const THEMES = ['system', 'light', 'dark'] as const
export type Theme = typeof THEMES[number]

function stored (): Theme {
  return THEMES.find((theme) => theme === recall('theme')) ?? 'system'
}

export const theme = signal<Theme>(stored())

/** Where the system says it, whether that is dark. */
const systemDark = window.matchMedia('(prefers-color-scheme: dark)')
const systemIsDark = signal(systemDark.matches)
systemDark.addEventListener('change', ({ matches }) => { systemIsDark.value = matches })

export function isDark (): boolean {
  return theme.value === 'system' ? systemIsDark.value : theme.value === 'dark'
}

export function choose (next: Theme): void {
  theme.value = next
  remember('theme', next)
}

effect(() => { document.documentElement.dataset['theme'] = isDark() ? 'dark' : 'light' })
