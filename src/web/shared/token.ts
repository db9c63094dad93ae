const KEY = 'tidegate.token'

let current = takeToken()

/**
 * The token of `/chat#token=…`: what follows the # is never sent with the page's address, nor to other sites. It is
 * taken out of the address bar, and lasts as long as the tab. Null where there is none.
 */
export function pageToken (): string | null {
  return current
}

/** Whether it is worth asking for what only administrators are told. The gateway decides, not this. */
export function mayAdministrate (): boolean {
  try {
    const payload = current!.split('.')[1]!.replaceAll('-', '+').replaceAll('_', '/')
    return (JSON.parse(atob(payload)) as { can: string[] }).can.includes('admin')
  } catch {
    return false
  }
}

/** One that was pasted. */
export function keepToken (token: string): void {
  current = token
  try {
    sessionStorage.setItem(KEY, token)
  } catch {
    // Storage is denied: it lasts as long as the page.
  }
}

/** Another one in the same tab: only what follows the # changes, so the browser loads nothing. */
export function onOtherToken (listener: () => void): void {
  window.addEventListener('hashchange', () => {
    const before = current
    const taken = takeToken()
    if (taken === before) return
    current = taken
    listener()
  })
}

function takeToken (): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get('token')
  try {
    if (given !== null) sessionStorage.setItem(KEY, given)
    else return sessionStorage.getItem(KEY)
  } catch {
    return given // storage is denied
  }
  history.replaceState(null, '', location.pathname)
  return given
}
