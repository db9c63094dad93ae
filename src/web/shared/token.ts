const KEY = 'tidegate.token'

let current = takeGiven() ?? kept()

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
  keep(token)
}

/** Another one in the same tab: only what follows the # changes, so the browser loads nothing. */
export function onOtherToken (listener: () => void): void {
  window.addEventListener('hashchange', () => {
    const given = takeGiven()
    if (given === null || given === current) return
    current = given
    listener()
  })
}

function takeGiven (): string | null {
  const given = new URLSearchParams(location.hash.slice(1)).get('token')
  if (given === null) return null
  history.replaceState(null, '', location.pathname)
  keep(given)
  return given
}

function kept (): string | null {
  try {
    return sessionStorage.getItem(KEY)
  } catch {
    return null
  }
}

/** Where storage is denied it lasts as long as the page. */
function keep (token: string): void {
  try {
    sessionStorage.setItem(KEY, token)
  } catch {
    // As said.
  }
}
