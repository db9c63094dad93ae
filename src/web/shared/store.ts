/** What is remembered in this browser; undefined where it is not, or storage is denied. */
export function recall (name: string): string | undefined {
  try {
    return localStorage.getItem(`tidegate.${name}`) ?? undefined
  } catch {
    return undefined
  }
}

/** Where storage is denied it lasts as long as the page. */
export function remember (name: string, value: string): void {
  try {
    localStorage.setItem(`tidegate.${name}`, value)
  } catch {
    // As said.
  }
}
