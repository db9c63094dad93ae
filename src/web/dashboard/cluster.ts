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

/** Undefined where the token does not let us ask. */
export const replicas = signal<readonly ReplicaState[] | undefined>(undefined)
/** Undefined before it is known. */
export const rooms = signal<readonly RoomState[] | undefined>(undefined)
export const hasMoreRooms = signal(false)
/** Or only those of this browser. */
export const isAllRooms = signal(true)
/** How often the car's position was told in the last second. */
export const updatesPerSecond = signal(0)
export const pingMs = signal<number | undefined>(undefined)

const EVERY_MS = 2_000
const MAX_ROOMS = 12

let before: { readonly atMs: number, readonly deliveries: ReadonlyMap<string, number> } | undefined

async function lookAtReplicas (): Promise<void> {
  if (hasToken() && !mayAdministrate()) return
  const answer = await get<{ readonly replicas: readonly ReplicaState[] }>('replicas')
  const atMs = performance.now()
  replicas.value = answer?.replicas.map((one) => {
    const earlier = before?.deliveries.get(one.replica)
    if (earlier === undefined) return one
    return { ...one, deliveriesPerSecond: Math.max(0, (one.deliveries - earlier) / (atMs - before!.atMs) * 1000) }
  })
  const deliveries = new Map(answer?.replicas.map(({ replica, deliveries }) => [replica, deliveries]))
  before = { atMs, deliveries }
}

async function lookAtRooms (): Promise<void> {
  const answer = mayAdministrate() ? await get<RoomsAnswer>('rooms', `?limit=${MAX_ROOMS}`) : undefined
  hasMoreRooms.value = answer?.more === true
  isAllRooms.value = answer !== undefined
  rooms.value = answer?.rooms ?? await lookAtOwnRooms()
}

/** Only a token that may administrate is told all of them; the others ask for the rooms of this browser's chat. */
async function lookAtOwnRooms (): Promise<RoomState[]> {
  const answers = await Promise.all(keptRooms().slice(0, MAX_ROOMS).map(async (room) => {
    const answer = await get<{ readonly count: number }>(`rooms/${room}/members`)
    return answer === undefined ? [] : [{ room, members: answer.count }]
  }))
  return answers.flat()
}

export function watch (): void {
  const look = (): void => {
    if (document.visibilityState !== 'visible' || status.peek().state !== 'online') return
    void lookAtReplicas()
    void lookAtRooms()
  }
  setInterval(look, EVERY_MS)
  status.subscribe(({ state }) => { if (state === 'online') look() })

  let counted = 0
  setInterval(() => {
    updatesPerSecond.value = track.counted - counted
    counted = track.counted
    pingMs.value = client.peek().latencyMs
  }, 1_000)
}
