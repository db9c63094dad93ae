import { computed, effect, signal } from '@preact/signals'
import { isRoomName, NAME_RULE } from '../../protocol/rooms.ts'
import { hashOf } from '../shared/address.ts'
import { keepRooms, keptRooms, MAX_ROOMS } from '../shared/kept-rooms.ts'
import { client } from '../shared/link.ts'
import { Conversation } from './conversation.ts'
import { news } from './news.ts'
import { uploads } from './uploads.ts'

const FIRST = 'general'

export const rooms = signal<readonly Conversation[]>([])
export const active = signal<Conversation | undefined>(undefined)
export const unread = computed(() => rooms.value.reduce((sum, room) => sum + room.unread.value, 0))

/** @returns what is wrong with the name; undefined where it is joined */
export function join (name: string): string | undefined {
  const found = rooms.peek().find((room) => room.name === name)
  if (found !== undefined) {
    show(found)
    return undefined
  }
  if (!isRoomName(name)) return `This is no room's name: ${NAME_RULE}`
  if (rooms.peek().length >= MAX_ROOMS) return `More than ${MAX_ROOMS} rooms are too many: leave one first`
  show(enter(name))
  keep()
  return undefined
}

export function leave (room: Conversation): void {
  room.leave()
  rooms.value = rooms.peek().filter((one) => one !== room)
  if (active.peek() === room) show(rooms.peek()[0])
  keep()
}

export function show (room: Conversation | undefined): void {
  active.value = room
  if (room === undefined) return
  room.unread.value = 0
  history.replaceState(null, '', hashOf(room.name))
}

function enter (name: string): Conversation {
  const room = new Conversation(name, client.peek())
  room.onNews = (line) => {
    const isSeen = active.peek() === room && document.visibilityState === 'visible'
    if (!isSeen && line.kind === 'message') room.unread.value++
    if (active.peek() === room) news.add(line)
  }
  rooms.value = [...rooms.peek(), room]
  return room
}

function keep (): void {
  keepRooms(rooms.peek().map(({ name }) => name))
}

/** The rooms of the last time, and the one of the address. */
export function start (): void {
  const asked = askedRoom()
  const names = new Set([...keptRooms(), ...asked === undefined ? [] : [asked]])
  if (names.size === 0) names.add(FIRST)
  for (const name of names) enter(name)
  show(rooms.peek().find(({ name }) => name === asked) ?? rooms.peek()[0])
  keep()

  let before = client.peek()
  effect(() => {
    const now = client.value
    if (now !== before) for (const room of rooms.peek()) room.attach(now)
    before = now
    now.on('broadcast', (message) => {
      for (const room of rooms.peek()) room.heardAnnouncement(message)
    })
    now.on('gap', ({ room, healed }) => {
      if (room !== '$all' || healed) return
      for (const one of rooms.peek()) one.missedAnnouncements('Some announcements are missing here')
    })
  })
  effect(() => {
    document.title = `${unread.value === 0 ? '' : `(${unread.value}) `}${active.value === undefined ? 'Chat' : `#${active.value.name}`} · Tidegate`
  })
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible' && active.peek() !== undefined) active.peek()!.unread.value = 0
  })
  window.addEventListener('hashchange', () => {
    const name = askedRoom()
    if (name !== undefined) join(name)
  })
  // What waits for the connection lives as long as the page.
  window.addEventListener('beforeunload', (event) => {
    const isWaiting = rooms.peek().some(({ outbox }) => outbox.all.peek().length > 0) || uploads.peek().length > 0
    if (isWaiting) event.preventDefault()
  })
}

/** The room of the address, `/chat#lobby`; undefined where it names none: anyone can have written it (`#100%`). */
function askedRoom (): string | undefined {
  try {
    const name = decodeURIComponent(location.hash.slice(1))
    return isRoomName(name) ? name : undefined
  } catch {
    return undefined
  }
}
