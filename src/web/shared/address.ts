/** Where the gateway's routes begin: `/`, or the path under which somebody's own server has them. */
export const BASE = new URL('.', location.href).pathname

/** @param path without the `/` before it */
export function addressOf (path: string): string {
  return BASE + path
}
