import { Connection } from './connection.ts'
import { Continuity } from './continuity.ts'
import { ALL, type Frame, type RequestError } from './frames.ts'
import { pageToken } from './page-token.ts'
import { create, element, showState, storedName, storeName, uniqueKey } from './page.ts'
import { Present } from './present.ts'

const HISTORY = 50
const LINES = 500
/** What a notice is about that only holds while there is no connection; no room has this name. */
const OFFLINE = '$offline'
const ROOM = /^[A-Za-z0-9][A-Za-z0-9_.:@=-]{0,127}$/

interface Room {
  readonly name: string
  readonly item: HTMLLIElement
  readonly button: HTMLButtonElement
  readonly unreadBadge: HTMLSpanElement
  readonly lines: HTMLLIElement[]
  readonly continuity: Continuity
  readonly present: Present
  unread: number
  /** What is still to come of the history on joining, which is nothing new to the reader. */
  past: number
  draft: string
  /** A text that failed keeps its key: sent again, it cannot appear twice. */
  failed: { readonly text: string, readonly key: string } | undefined
}

const status = element('status', HTMLElement)
const nameInput = element('name', HTMLInputElement)
const roomList = element('rooms', HTMLUListElement)
const joinForm = element('join-form', HTMLFormElement)
const joinInput = element('join-room', HTMLInputElement)
const title = element('room', HTMLHeadingElement)
const present = element('present', HTMLParagraphElement)
const messages = element('messages', HTMLOListElement)
const notice = element('notice', HTMLElement)
const sendForm = element('send-form', HTMLFormElement)
const textInput = element('text', HTMLInputElement)
const sendButton = element('send', HTMLButtonElement)

const rooms = new Map<string, Room>()
const announcements = new Continuity()
let active: Room | undefined
let user = ''
/** Whether the reader is at the bottom, and wants to stay there. */
let following = true

const connection = new Connection({
  state (state) {
    if (state.is === 'online') {
      user = state.user
      if (nameInput.disabled) nameInput.value = user
      if (notice.dataset.about === OFFLINE) say('')
    }
    showState(status, state)
  },
  frame: receive,
  refused (name, why, final) {
    say(final ? `Cannot join ${name}: ${why}` : `Cannot join ${name} yet: ${why}. Trying again…`, name)
    if (final) close(name)
  }
})

function receive (frame: Frame): void {
  if (frame.type === 'welcome') announcements.joined({ type: 'joined', cursor: frame.broadcastCursor })
  else if (frame.type === 'broadcast' || frame.room === ALL) receiveBroadcast(frame)
  else if (frame.type === 'error' && frame.id === undefined) say(frame.message ?? 'a request was refused')
  else receiveInRoom(frame)
}

function receiveInRoom (frame: Frame): void {
  const room = rooms.get(frame.room ?? '')
  if (room === undefined) return
  switch (frame.type) {
    case 'joined':
      room.continuity.joined(frame)
      if (frame.recovered === undefined) room.past = frame.replay ?? 0
      if (notice.dataset.about === room.name) say('')
      void askWhoIsIn(room)
      break
    case 'system':
      room.present.system(frame)
      showPresent(room)
      break
    case 'gap':
      if (room.continuity.gap(frame)) separate(room, 'messages')
      // Who came and went meanwhile was not told, either.
      void askWhoIsIn(room)
      break
    case 'left':
      if (frame.id !== undefined) break
      close(room.name)
      say(`The gateway took you out of ${room.name}${frame.reason === undefined ? '' : `: ${frame.reason}`}`)
      break
    case 'message':
    case 'position': {
      const is = room.continuity.message(frame)
      if (is === 'after a hole') separate(room, 'messages')
      if (is !== 'seen') add(room, messageLine(frame))
      if (room.past > 0) room.past--
      else if (is !== 'seen' && room !== active) room.unread++
      label(room)
    }
  }
}

/** Where the room's rule tells nobody, nothing is shown. */
async function askWhoIsIn (room: Room): Promise<void> {
  const answer = await connection.request({ type: 'members', room: room.name }).catch(() => undefined)
  if (answer === undefined) return
  room.present.members(answer)
  showPresent(room)
}

function showPresent (room: Room): void {
  if (room === active) present.textContent = room.present.text
}

function receiveBroadcast (frame: Frame): void {
  if (frame.type === 'joined') announcements.joined(frame)
  const is = frame.type === 'broadcast' ? announcements.message(frame) : 'seen'
  const hole = is === 'after a hole' || (frame.type === 'gap' && announcements.gap(frame))
  for (const room of rooms.values()) {
    if (hole) separate(room, 'announcements')
    if (is !== 'seen') add(room, messageLine(frame))
  }
}

function messageLine (frame: Frame): HTMLLIElement {
  const from = create('span', 'from', frame.from ?? 'gateway')
  const content = create('span', 'content', readable(frame.content ?? frame.position ?? null))
  from.dir = content.dir = 'auto'
  const time = create('time', '')
  if (frame.timestamp !== undefined) {
    const date = new Date(frame.timestamp)
    time.dateTime = frame.timestamp
    time.textContent = date.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' })
    time.title = date.toLocaleString()
  }
  const own = frame.from === user ? 'message own' : 'message'
  const line = create('li', frame.type === 'broadcast' ? 'announcement' : own)
  line.append(from, time, content)
  return line
}

function readable (content: unknown): string {
  if (typeof content === 'string') return content
  try {
    return JSON.stringify(content)
  } catch {
    return '(nested too deeply to show)'
  }
}

function separate (room: Room, what: string): void {
  const text = `some ${what} may be missing here`
  if (room.lines.at(-1)?.textContent !== text) add(room, create('li', 'separator', text))
}

function add (room: Room, line: HTMLLIElement): void {
  room.lines.push(line)
  const oldest = room.lines.length > LINES ? room.lines.shift() : undefined
  if (room !== active) return
  messages.append(line)
  oldest?.remove()
  follow()
}

function follow (): void {
  if (following) messages.scrollTop = messages.scrollHeight
}

function open (name: string): Room {
  const item = create('li', '')
  const button = create('button', 'open')
  const leave = create('button', 'leave', '×')
  const unreadBadge = create('span', 'unread')
  const room: Room = {
    name,
    item,
    button,
    unreadBadge,
    continuity: new Continuity(),
    present: new Present(),
    lines: [],
    unread: 0,
    past: 0,
    draft: '',
    failed: undefined
  }
  button.type = leave.type = 'button'
  button.append(create('span', 'room-name', name), unreadBadge)
  button.addEventListener('click', () => { show(room) })
  leave.ariaLabel = leave.title = `Leave ${name}`
  leave.addEventListener('click', () => {
    connection.rooms.leave(name)
    close(name)
  })
  item.append(button, leave)
  roomList.append(item)
  rooms.set(name, room)
  connection.rooms.join(name, HISTORY)
  return room
}

function close (name: string): void {
  const room = rooms.get(name)
  if (room === undefined) return
  rooms.delete(name)
  // The keyboard's place would be lost together with the button that it is on.
  if (room.item.contains(document.activeElement)) joinInput.focus()
  room.item.remove()
  if (room === active) show(rooms.values().next().value)
}

function show (room: Room | undefined): void {
  if (active !== undefined) active.draft = textInput.value
  const before = active
  active = room
  // Another room's past is no news for a screen reader.
  messages.ariaLive = 'off'
  messages.replaceChildren(...room?.lines ?? [])
  following = true
  follow()
  setTimeout(() => { messages.ariaLive = 'polite' })
  title.textContent = room?.name ?? 'No room'
  present.textContent = room?.present.text ?? ''
  textInput.disabled = sendButton.disabled = room === undefined
  textInput.value = room?.draft ?? ''
  if (before !== undefined) label(before)
  if (room === undefined) return
  room.unread = 0
  label(room)
  room.item.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  history.replaceState(null, '', `#${room.name}`)
}

function label (room: Room): void {
  room.button.ariaCurrent = room === active ? 'true' : null
  room.unreadBadge.textContent = room.unread === 0 ? '' : String(room.unread)
  room.unreadBadge.title = `${room.unread} unread`
}

function say (text: string, about = ''): void {
  notice.textContent = text
  notice.dataset.about = about
}

async function send (): Promise<void> {
  const room = active
  const text = textInput.value
  if (text.trim() === '') return
  if (room === undefined) return say('Not sent: join a room first')
  if (!connection.online) return say('Not sent: there is no connection. The text stays in its place.', OFFLINE)
  const key = room.failed?.text === text ? room.failed.key : uniqueKey()
  textInput.value = ''
  try {
    await connection.request({ type: 'message', room: room.name, content: text, key })
    if (room.failed?.key === key) room.failed = undefined
    say('')
  } catch (error) {
    const { message, certain } = error as RequestError
    room.failed = { text, key }
    giveBack(room, text)
    say(certain
      ? `Not sent to ${room.name}: ${message}`
      : `Perhaps not sent to ${room.name}: ${message}. Sent again as it is, it will not appear twice.`)
  }
}

function giveBack (room: Room, text: string): void {
  const since = room === active ? textInput.value : room.draft
  const both = since === '' ? text : `${text} ${since}`
  if (room === active) textInput.value = both
  else room.draft = both
}

function fromHash (): string {
  const name = location.hash.slice(1)
  return ROOM.test(name) ? name : ''
}

messages.addEventListener('scroll', () => {
  following = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 40
})
// A notice, or the keyboard of a phone, makes the list lower.
new ResizeObserver(follow).observe(messages)

sendForm.addEventListener('submit', (event) => {
  event.preventDefault()
  void send()
})

joinForm.addEventListener('submit', (event) => {
  event.preventDefault()
  const name = joinInput.value.trim().replace(/^#/, '')
  if (!ROOM.test(name)) {
    return say('A room’s name is 1 to 128 of A-Z a-z 0-9 _ - . : @ = and begins with a letter or digit')
  }
  joinInput.value = ''
  say('')
  show(rooms.get(name) ?? open(name))
})

nameInput.addEventListener('change', () => {
  // The gateway refuses control characters, and a browser hides why an upgrade was refused.
  nameInput.value = nameInput.value.replace(/\p{Cc}/gu, ' ').trim()
  storeName(nameInput.value)
  connection.start(nameInput.value)
})

window.addEventListener('hashchange', () => {
  const name = fromHash()
  if (name !== '') show(rooms.get(name) ?? open(name))
})

const first = fromHash() || 'general'
for (const name of new Set(['general', 'random', first])) open(name)
show(rooms.get(first))
// With a token nobody chooses a name.
nameInput.disabled = pageToken !== null
if (!nameInput.disabled) nameInput.value = storedName()
connection.start(nameInput.value)
