import { useEffect, useMemo, useSyncExternalStore } from 'react'
import { membersStore, positionStore, roomStore, type Store } from './stores.ts'
import type { AnyClient, MembersView, RoomView, UseRoomOptions } from './types.ts'

export type { AnyClient, MembersView, RoomView, UseRoomOptions } from './types.ts'

/**
 * A room, joined while a component shows it; components that show the same room share it, with the first one's options.
 */
export function useRoom<Content = unknown> (
  client: AnyClient, name: string, options: UseRoomOptions = {}
): RoomView<Content> {
  return useStore(useMemo(() => roomStore<Content>(client, name, options), [client, name]))
}

/** Who is in a room now: asked for once it is joined, and kept up to date. */
export function useMembers (client: AnyClient, name: string): MembersView {
  return useStore(useMemo(() => membersStore(client, name), [client, name]))
}

/** Where the shared counter stands (undefined before it is known), and a function that moves it. */
export function usePosition (client: AnyClient): readonly [number | undefined, (delta: number) => Promise<number>] {
  const position = useStore(useMemo(() => positionStore(client), [client]))
  const move = useMemo(() => async (delta: number) => (await client.position.move(delta)).position, [client])
  return [position, move]
}

/** Held by an effect, so that neither StrictMode's second rendering nor a server's joins anything. */
function useStore<Value> (store: Store<Value>): Value {
  useEffect(() => store.hold(), [store])
  return useSyncExternalStore(store.subscribe, store.get, store.get)
}
