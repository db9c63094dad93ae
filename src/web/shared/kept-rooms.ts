import { isRoomName } from '../../protocol/rooms.ts'
import { recall, remember } from './store.ts'

/** More are more than a list is for. */
export const MAX_ROOMS = 100

/** The rooms of this browser's chat, as it was left. */
export function keptRooms (): string[] {
  try {
    const names = JSON.parse(recall('rooms') ?? '[]') as unknown
    if (!Array.isArray(names)) return []
    return names.filter((name): name is string => typeof name === 'string' && isRoomName(name)).slice(0, MAX_ROOMS)
  } catch {
    return []
  }
}

export function keepRooms (names: readonly string[]): void {
  remember('rooms', JSON.stringify(names))
}
