import type { Holding, RoomMember } from './presence.ts'

export function byRoom (holdings: readonly Holding[]): Map<string, Holding[]> {
  const rooms = new Map<string, Holding[]>()
  for (const holding of holdings) {
    const some = rooms.get(holding.room)
    if (some === undefined) rooms.set(holding.room, [holding])
    else some.push(holding)
  }
  return rooms
}

/** Of several replicas: each user once, with the connections of all; by name. */
export function merge (holdings: ReadonlyArray<Pick<Holding, 'user' | 'connections' | 'info'>>): RoomMember[] {
  const members = new Map<string, RoomMember>()
  for (const { user, connections = 0, info } of holdings) {
    if (user === undefined) continue
    const before = members.get(user)
    members.set(user, { user, connections: connections + (before?.connections ?? 0), info: info ?? before?.info })
  }
  return [...members.values()].sort((a, b) => a.user < b.user ? -1 : 1)
}
