import type { State } from './connection.ts'

const NAME_KEY = 'tidegate.name'

export function element<Kind extends Element> (id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id)
  if (!(found instanceof kind)) throw new Error(`the page has no #${id}`)
  return found
}

export function create<Tag extends keyof HTMLElementTagNameMap> (
  tag: Tag, className: string, text = ''
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag)
  made.className = className
  made.textContent = text
  return made
}

export function showState (banner: HTMLElement, state: State): void {
  if (state.is === 'waiting') {
    const seconds = ` in ${state.seconds} s`
    // Screen readers would read out every second: the number changes alone, and is hidden from them.
    if (banner.dataset.state === 'waiting') banner.lastElementChild!.textContent = seconds
    else {
      const countdown = create('span', '', seconds)
      countdown.ariaHidden = 'true'
      banner.replaceChildren(`${state.lost ? 'Connection lost' : 'Cannot connect'}, trying again`, countdown)
    }
  } else {
    banner.textContent = sentence(state)
  }
  banner.dataset.state = state.is
}

function sentence (state: Exclude<State, { is: 'waiting' }>): string {
  switch (state.is) {
    case 'connecting': return 'Connecting…'
    case 'online': return `Online as ${state.user} via ${state.replica}`
    case 'stopped': return `Stopped: ${state.reason}`
  }
}

export function storedName (): string {
  try {
    return localStorage.getItem(NAME_KEY) ?? ''
  } catch {
    return '' // storage is denied
  }
}

export function storeName (name: string): void {
  try {
    localStorage.setItem(NAME_KEY, name)
  } catch {
    // Storage is denied: the name lasts as long as the page.
  }
}

export function uniqueKey (): string {
  // Over plain HTTP, other than on localhost, a browser has no randomUUID.
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID()
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
