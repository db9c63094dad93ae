import { signal } from '@preact/signals'
import { get } from '../shared/api.ts'
import { client, hasToken, status } from '../shared/link.ts'
import { keptRooms } from '../shared/kept-rooms.ts'
import { mayAdministrate } from '../shared/token.ts'
import { track } from './car.ts'

export interface ReplicaState {
  readonly replica: string
  readonly connections: number
  readonly rooms: number
  /** To members, since it began. */
  readonly deliveries: number
  /** By us, from two answers; undefined at first. */
  readonly deliveriesPerSecond?: number | undefined
}

interface RoomsAnswer { readonly rooms: readonly RoomState[], readonly more: boolean }

export interface RoomState { readonly room: string, readonly members: number }

/** Undefined before they are known; `refused` where the token does not let us ask. */
export const replicas = signal<readonly ReplicaState[] | 'refused' | undefined>(undefined)
/** Undefined before it is known. */
export const rooms = signal<readonly RoomState[] | undefined>(undefined)
export const hasMoreRooms = signal(false)
/** Or only those of this browser. */
export const isAllRooms = signal(true)
/** The last time somebody asked there was no answer: what is known is of before. */
export const isOld = signal(false)
/** How often the car's position was told in the last second. */
export const updatesPerSecond = signal(0)
export const pingMs = signal<number | undefined>(undefined)

const EVERY_MS = 2_000
const MAX_ROOMS = 12

let before: { readonly atMs: number, readonly deliveries: ReadonlyMap<string, number> } | undefined

/** @returns whether there was an answer */
async function lookAtReplicas (): Promise<boolean> {
  const mayAsk = !hasToken() || mayAdministrate()
  const answer = mayAsk ? await get<{ readonly replicas: readonly ReplicaState[] }>('replicas') : 'refused'
  if (answer === 'failed') return false
  if (answer === 'refused') {
    replicas.value = 'refused'
    return true
  }
  const atMs = performance.now()
  replicas.value = answer.replicas.map((one) => {
    const earlier = before?.deliveries.get(one.replica)
    if (earlier === undefined) return one
    return { ...one, deliveriesPerSecond: Math.max(0, (one.deliveries - earlier) / (atMs - before!.atMs) * 1000) }
  })
  before = { atMs, deliveries: new Map(answer.replicas.map(({ replica, deliveries }) => [replica, deliveries])) }
  return true
}

/** @returns whether there was an answer */
async function lookAtRooms (): Promise<boolean> {
  const answer = mayAdministrate() ? await get<RoomsAnswer>('rooms', `?limit=${MAX_ROOMS}`) : 'refused'
  if (answer === 'failed') return false
  const found = answer === 'refused' ? await lookAtOwnRooms() : answer.rooms
  if (found === undefined) return false
  hasMoreRooms.value = answer !== 'refused' && answer.more
  isAllRooms.value = answer !== 'refused'
  rooms.value = found
  return true
}

/**
 * Only a token that may administrate is told all of them; the others ask for the rooms of this browser's chat.
 * Undefined where there was no answer.
 */
async function lookAtOwnRooms (): Promise<RoomState[] | undefined> {
  const names = keptRooms().slice(0, MAX_ROOMS)
  const answers = await Promise.all(names.map((room) => get<{ readonly count: number }>(`rooms/${room}/members`)))
  if (answers.includes('failed')) return undefined
  return answers.flatMap((answer, index) => typeof answer === 'string' ? [] : [{ room: names[index]!, members: answer.count }])
}

let isLooking = false

async function look (): Promise<void> {
  // On a slow network answers take longer than the next question is away.
  if (isLooking || document.visibilityState !== 'visible' || status.peek().state !== 'online') return
  isLooking = true
  const answered = await Promise.all([lookAtReplicas(), lookAtRooms()])
  isOld.value = answered.includes(false)
  isLooking = false
}

export function watch (): void {
  setInterval(() => { void look() }, EVERY_MS)
  status.subscribe(({ state }) => { if (state === 'online') void look() })

  let counted = 0
  setInterval(() => {
    updatesPerSecond.value = track.counted - counted
    counted = track.counted
    pingMs.value = client.peek().latencyMs
  }, 1_000)
}
