/** `log`: numbered history; `latest`: only the newest value counts; `live`: neither history nor numbers. */
export type RoomKind = 'log' | 'latest' | 'live'

/** The room that every connection is in without asking: broadcasts travel there. */
export const ALL = '$all'

/** What replicas are told travels here; no client can name it. */
export const CONTROL = '$control'

/** The room that follows the shared car. */
export const POSITION = 'position'

// Braces would break Redis's hash tags, and lookalikes in Unicode would be rooms of their own.
export const NAME = /^[A-Za-z0-9][A-Za-z0-9_.:@=-]{0,127}$/

export const NAME_RULE = 'it takes 1 to 128 of A-Z a-z 0-9 _ - . : @ = and begins with a letter or digit'

export function isRoomName (name: string): boolean {
  return NAME.test(name)
}

/** Rooms that a client can join, or ask about. */
export function isJoinable (name: string): boolean {
  return isRoomName(name) || name === ALL
}
