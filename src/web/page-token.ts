const KEY = 'tidegate.token'

/**
 * The token of `/chat#token=…`: what follows the # is never sent with the page's address, nor to other sites. It is
 * taken out of the address bar, and lasts as long as the tab.
 */
export const pageToken: string | null = takeToken()

// Another one in the same tab: only what follows the # changes, so the browser loads nothing.
window.addEventListener('hashchange', () => {
  const before = pageToken
  if (takeToken() !== before) location.reload()
})

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
