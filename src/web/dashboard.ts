import { Connection } from './connection.ts'
import { epoch } from './continuity.ts'
import { type Frame, RequestError } from './frames.ts'
import { pageToken } from './page-token.ts'
import { create, element, showState, storedName, uniqueKey } from './page.ts'

const STEP = 50
const WINDOW = 1000
const ATTEMPTS = 3
/** From here on labels would not fit beside each other: there are fewer, and they count from the middle. */
const LONG = 100_000

const status = element('status', HTMLElement)
const replica = element('replica', HTMLElement)
const position = element('position', HTMLElement)
const updated = element('updated', HTMLTimeElement)
const scene = element('scene', HTMLElement)
const ticks = element('ticks', HTMLElement)
const car = element('car', SVGSVGElement)
const notice = element('notice', HTMLElement)

let last: { readonly cursor: string, readonly seq: number } | undefined
let middle: number | undefined
let underway = 0

const connection = new Connection({
  state (state) {
    showState(status, state)
    replica.textContent = state.is === 'online' ? state.replica : '–'
    if (state.is === 'online' && notice.dataset.about === 'offline') say('')
    scene.classList.toggle('stale', state.is !== 'online')
  },
  frame (frame) {
    if (frame.type === 'position') receive(frame)
    // The log was replaced: its numbers begin elsewhere, and the value that follows is the one that counts.
    if (frame.type === 'gap') last = undefined
    if (frame.type === 'joined' && notice.dataset.about === 'join') say('')
    if (frame.type === 'error' && frame.id === undefined) say(frame.message ?? 'a request was refused')
  },
  refused (_room, why, final) {
    say(`Cannot follow the position${final ? `: ${why}` : ` yet: ${why}. Trying again…`}`, 'join')
  }
})

function receive ({ cursor = '', seq = 0, position: value = 0 }: Frame): void {
  // Only within one log do numbers tell which value is the later one.
  if (last !== undefined && epoch(cursor) === epoch(last.cursor) && seq <= last.seq) return
  last = { cursor, seq }
  const now = new Date()
  updated.dateTime = now.toISOString()
  updated.textContent = now.toLocaleTimeString()
  position.textContent = String(value)
  position.classList.toggle('long', String(value).length > 10)
  drive(value)
}

/** The road shows the thousand around the car; when the car leaves it, the next one comes, and the car jumps. */
function drive (value: number): void {
  const around = Math.round(value / WINDOW) * WINDOW
  car.classList.toggle('jumps', around !== middle)
  if (around !== middle) mark(around)
  middle = around
  place(car, (value - around) / WINDOW + 0.5)
  car.ariaLabel = `The car, at ${value}`
}

function mark (around: number): void {
  const labels = []
  for (let offset = -WINDOW / 2; offset <= WINDOW / 2; offset += WINDOW / 10) {
    const labelled = offset % (Math.abs(around) < LONG ? 200 : 400) === 0
    const tick = create('span', labelled ? 'tick labelled' : 'tick', labelled ? name(around, offset) : '')
    place(tick, offset / WINDOW + 0.5)
    labels.push(tick)
  }
  ticks.replaceChildren(...labels)
}

function name (around: number, offset: number): string {
  const relative = Math.abs(around) >= LONG && offset !== 0
  const text = relative ? (offset > 0 ? `+${offset}` : String(offset)) : String(around + offset)
  return text.replace('-', '−')
}

function place (what: HTMLElement | SVGElement, share: number): void {
  what.style.setProperty('--at', String(share))
}

async function move (delta: number): Promise<void> {
  underway++
  try {
    const answer = await post(delta)
    if (connection.online) say('')
    else say(`The car is at ${answer} now; the road follows when this page is back`, 'offline')
  } catch (error) {
    const { message, certain } = error as RequestError
    say(`${certain ? 'Not moved' : 'Perhaps not moved'} by ${delta}: ${message}`)
  } finally {
    underway--
  }
}

/** Where it is not known whether a move was made, the same key makes it safe to ask again. */
async function post (delta: number): Promise<number> {
  const headers = {
    'Content-Type': 'application/json',
    'Idempotency-Key': uniqueKey(),
    ...(pageToken === null ? {} : { Authorization: `Bearer ${pageToken}` })
  }
  for (let attempt = 1; ; attempt++) {
    const answer = await tryPost(headers, JSON.stringify({ delta }))
    if (answer.position !== undefined) return answer.position
    const unsure = answer.code === undefined || answer.reason === 'unknown_outcome'
    if (!unsure || attempt === ATTEMPTS) throw new RequestError(answer.message ?? 'refused', !unsure)
    await new Promise((resolve) => { setTimeout(resolve, attempt * 300 * (1 + Math.random())) })
  }
}

interface Answer { position?: number, code?: number, reason?: string, message?: string }

async function tryPost (headers: HeadersInit, body: string): Promise<Answer> {
  try {
    const signal = AbortSignal.timeout(5000)
    const response = await fetch('position', { method: 'POST', headers, body, signal })
    return await response.json() as Answer
  } catch {
    // No network, no answer in time, or a proxy's error page, which is no JSON.
    return { message: 'the gateway did not answer' }
  }
}

function say (text: string, about = ''): void {
  notice.textContent = text
  notice.dataset.about = about
}

element('forward', HTMLButtonElement).addEventListener('click', () => { void move(STEP) })
element('backward', HTMLButtonElement).addEventListener('click', () => { void move(-STEP) })

document.addEventListener('keydown', (event) => {
  const direction = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0
  if (direction === 0 || event.altKey || event.ctrlKey || event.metaKey) return
  event.preventDefault()
  // A key held down goes on when the move before is answered.
  if (event.repeat && underway > 0) return
  void move(direction * STEP)
})

connection.rooms.join('position', 0)
connection.start(storedName())
