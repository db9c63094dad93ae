import type { ComponentChildren, JSX } from 'preact'
import { StatusPill } from './status-pill.tsx'
import { ThemeSwitch } from './theme-switch.tsx'

interface ShellProps {
  readonly page: 'chat' | 'dashboard'
  /** What comes before the brand: on a phone, the way to the rooms. */
  readonly before?: ComponentChildren
  readonly children: ComponentChildren
}

/** What both pages have around them. */
export function Shell ({ page, before, children }: ShellProps): JSX.Element {
  return (
    <>
      <a class='skip' href='#main' onClick={skip}>Skip to the {page === 'chat' ? 'conversation' : 'car'}</a>
      <header class='bar'>
        {before}
        <span class='brand'><img src='favicon.ico' alt='' width={24} height={24} />Tidegate</span>
        <nav aria-label='Pages' class='pages'>
          <a href='chat' aria-current={page === 'chat' ? 'page' : undefined}>Chat</a>
          <a href='dashboard' aria-current={page === 'dashboard' ? 'page' : undefined}>Dashboard</a>
        </nav>
        <StatusPill />
        <ThemeSwitch />
      </header>
      {children}
    </>
  )
}

/** What follows the # of the chat is a room. */
function skip (event: Event): void {
  event.preventDefault()
  document.getElementById('main')!.focus()
}
