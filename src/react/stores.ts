import type {
  Gap, Member, MembersEvent, Message, Room, RoomOptions, TidegateError, Unsubscribe
} from '../client/index.ts'
import type { AnyClient, MembersView, RoomView, UseRoomOptions } from './types.ts'

/** What useSyncExternalStore asks for, and for how long it is needed. */
export interface Store<Value> {
  readonly get: () => Value
  readonly subscribe: (onChange: () => void) => Unsubscribe
  /** A component is there that shows it. @returns a function that says that it is not any more */
  readonly hold: () => () => void
}

interface Held { readonly room: Room<unknown>, holders: number, timer: ReturnType<typeof setTimeout> | undefined }

const KEPT = 200
// StrictMode, and every change of a page, takes a component away and brings it back.
const LINGER_MS = 1_000

const rooms = new WeakMap<AnyClient, Map<string, Held>>()
// What those ask for who show a room's messages: known since they were rendered, so that whoever asks only for its
// members, and holds it first (effects of children run before their parents'), does not join it without a history.
const asked = new WeakMap<AnyClient, Map<string, RoomOptions>>()
const stores = new WeakMap<AnyClient, Map<string, Store<unknown>>>()

/** A room for as long as somebody holds it, and a second longer. */
function holdRoom (client: AnyClient, name: string): { room: Room<unknown>, release: () => void } {
  let all = rooms.get(client)
  if (all === undefined) rooms.set(client, all = new Map())
  let held = all.get(name)
  if (held === undefined) {
    held = { room: client.room<unknown>(name, asked.get(client)?.get(name)), holders: 0, timer: undefined }
    all.set(name, held)
  }
  const { room } = held
  const mine = held
  const from = all
  mine.holders++
  clearTimeout(mine.timer)
  return {
    room,
    release: () => {
      if (--mine.holders > 0) return
      mine.timer = setTimeout(() => {
        from.delete(name)
        room.leave()
      }, LINGER_MS)
    }
  }
}

/** The one store of a kind and name of a client, so that components share it. */
function shared<Value> (client: AnyClient, key: string, make: () => Store<Value>): Store<Value> {
  let all = stores.get(client)
  if (all === undefined) stores.set(client, all = new Map())
  let store = all.get(key)
  if (store === undefined) all.set(key, store = make())
  return store as Store<Value>
}

/**
 * A value that is followed while somebody holds it.
 * @param open begins to follow it; it returns what ends that
 */
function makeStore<Value> (
  initial: Value, open: (set: (change: (value: Value) => Value) => void) => () => void
): Store<Value> {
  let value = initial
  let holders = 0
  let close: (() => void) | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  const listeners = new Set<() => void>()
  const set = (change: (value: Value) => Value): void => {
    value = change(value)
    for (const listener of [...listeners]) listener()
  }
  return {
    get: () => value,
    subscribe: (onChange) => {
      listeners.add(onChange)
      return () => { listeners.delete(onChange) }
    },
    hold: () => {
      holders++
      clearTimeout(timer)
      close ??= open(set)
      return () => {
        if (--holders > 0) return
        timer = setTimeout(() => {
          close?.()
          close = undefined
          set(() => initial)
        }, LINGER_MS)
      }
    }
  }
}

export function roomStore<Content> (
  client: AnyClient, name: string, options: UseRoomOptions
): Store<RoomView<Content>> {
  return shared(client, `room ${name}`, () => {
    const { limit = KEPT, ...roomOptions } = options
    if (!asked.has(client)) asked.set(client, new Map())
    asked.get(client)!.set(name, roomOptions)
    const room = (): Room<Content> => client.room<Content>(name, roomOptions)
    const initial: RoomView<Content> = {
      messages: [],
      isJoined: false,
      gap: undefined,
      error: undefined,
      publish: (content, options) => room().publish(content, options),
      ephemeral: (content) => room().ephemeral(content)
    }
    return makeStore(initial, (set) => {
      const held = holdRoom(client, name)
      const change = (part: Partial<RoomView<Content>>): void => set((view) => ({ ...view, ...part }))
      const ends = [
        held.room.on('message', (message) => set((view) => (
          { ...view, messages: [...view.messages, message as Message<Content>].slice(-limit) }
        ))),
        held.room.on('joined', () => change({ isJoined: true, error: undefined })),
        held.room.on('gap', (gap: Gap) => { if (!gap.healed) change({ gap }) }),
        held.room.on('error', (error: TidegateError) => change({ error })),
        client.on('state', ({ state }) => { if (state !== 'online') change({ isJoined: false }) })
      ]
      if (held.room.isJoined) change({ isJoined: true })
      return () => {
        for (const end of ends) end()
        held.release()
      }
    })
  })
}

export function membersStore (client: AnyClient, name: string): Store<MembersView> {
  return shared<MembersView>(client, `members ${name}`, () => makeStore<MembersView>({ count: 0, members: [] }, (set) => {
    const held = holdRoom(client, name)
    // What is told while the list is asked for is newer than it, or in it already.
    let meanwhile: MembersEvent[] | undefined
    let isOver = false
    const refresh = (): void => {
      const told: MembersEvent[] = meanwhile = []
      held.room.members().then((list) => {
        if (isOver || meanwhile !== told) return
        meanwhile = undefined
        set(() => told.reduce(withEvent, list))
      }, () => { if (meanwhile === told) meanwhile = undefined })
    }
    const ends = [
      held.room.on('joined', refresh),
      held.room.on('gap', refresh),
      held.room.on('members', (event) => {
        meanwhile?.push(event)
        set((view) => withEvent(view, event))
      })
    ]
    if (held.room.isJoined) refresh()
    return () => {
      isOver = true
      for (const end of ends) end()
      held.release()
    }
  }))
}

function withEvent ({ members }: MembersView, { joined, left, count }: MembersEvent): MembersView {
  const come = joined.map(({ user, info }): Member => ({ user, connections: 1, ...info === undefined ? {} : { info } }))
  const gone = new Set([...left, ...come.map(({ user }) => user)])
  return { count, members: [...members.filter(({ user }) => !gone.has(user)), ...come] }
}

export function positionStore (client: AnyClient): Store<number | undefined> {
  return shared(client, 'position', () => makeStore<number | undefined>(client.position.current, (set) => {
    set(() => client.position.current)
    return client.position.on('change', ({ position }) => set(() => position))
  }))
}
