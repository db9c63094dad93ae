/** The first of these that is there, once what was changed is drawn: else the focus is lost with what has gone. */
export function focusSoon (...selectors: readonly string[]): void {
  requestAnimationFrame(() => {
    for (const selector of selectors) {
      const found = document.querySelector<HTMLElement>(selector)
      if (found !== null) return found.focus()
    }
  })
}
