/** Of which there is no second: over plain HTTP, other than on localhost, a browser has no randomUUID. */
export function uniqueKey (): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}
