/** Where the gateway's routes begin: `/`, or the path under which somebody's own server has them. */
export const BASE = new URL('.', location.href).pathname

/** Leads to a room of the chat. A room may be called `token=…`, and is none: the `=` is not left as it is. */
export function hashOf (room: string): string {
  return `#${room.replaceAll('=', '%3D')}`
}

/** @param path without the `/` before it */
export function addressOf (path: string): string {
  return BASE + path
}
