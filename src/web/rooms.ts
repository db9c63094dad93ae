import { ALL, type Ask, type Frame, RequestError } from './frames.ts'

interface Room { readonly history: number, cursor: string | undefined, entered: boolean, replay: number }

/** A join was refused; unless `final`, it is tried again. */
export type Refused = (room: string, why: string, final: boolean) => void

/** The rooms this page wants to be in, each with its last cursor: joined again on every connection. */
export class Rooms {
  private readonly ask: Ask
  private readonly refused: Refused
  private readonly rooms = new Map<string, Room>()
  private session = 0

  constructor (ask: Ask, refused: Refused) {
    this.ask = ask
    this.refused = refused
  }

  join (name: string, history: number): void {
    const room: Room = { history, cursor: undefined, entered: false, replay: 0 }
    this.rooms.set(name, room)
    void this.enter(name, room)
  }

  leave (name: string): void {
    // Where there is no connection to leave on, the next one does not join.
    if (this.rooms.delete(name)) this.ask({ type: 'leave', room: name }).catch(() => {})
  }

  receive (frame: Frame): void {
    if (frame.type === 'welcome') this.welcome(frame.broadcastCursor)
    const name = frame.type === 'broadcast' ? ALL : frame.room ?? ''
    const room = this.rooms.get(name)
    if (room === undefined) return
    if (frame.type === 'left' && frame.id === undefined) this.rooms.delete(name)
    else this.keepCursor(room, frame)
  }

  private welcome (broadcastCursor: string | undefined): void {
    this.session++
    for (const [name, room] of this.rooms) {
      room.entered = false
      void this.enter(name, room)
    }
    if (this.rooms.has(ALL)) return
    this.rooms.set(ALL, { history: 0, cursor: broadcastCursor, entered: true, replay: 0 })
  }

  /** Only moves past what has really come, so that a break in the middle of a replay skips nothing. */
  private keepCursor (room: Room, frame: Frame): void {
    switch (frame.type) {
      case 'joined':
        room.entered = true
        room.replay = frame.replay ?? 0
        if (room.replay === 0) room.cursor ??= frame.cursor
        break
      case 'gap':
        if (room.replay === 0) room.cursor = frame.cursor ?? room.cursor
        break
      case 'message':
      case 'broadcast':
      case 'position':
        // A broadcast may come before `joined`, and so before older ones that were missed.
        if (!room.entered || frame.cursor === undefined) return
        room.cursor = frame.cursor
        if (room.replay > 0) room.replay--
    }
  }

  private async enter (name: string, room: Room): Promise<void> {
    const session = this.session
    try {
      await this.ask({ type: 'join', room: name, since: room.cursor, history: room.history })
    } catch (error) {
      // With no connection, or where it broke, the next welcome joins.
      const refusal = error instanceof RequestError ? error.frame : undefined
      if (refusal === undefined || this.rooms.get(name) !== room || this.session !== session) return
      const badCursor = refusal.reason === 'bad_cursor' && room.cursor !== undefined
      if (badCursor) room.cursor = undefined
      const final = !badCursor && refusal.retryable !== true
      if (final) this.rooms.delete(name)
      else {
        setTimeout(() => {
          if (this.rooms.get(name) === room && this.session === session) void this.enter(name, room)
        }, refusal.retryAfterMs ?? 1000 + Math.random() * 2000)
      }
      this.refused(name, refusal.message ?? 'refused', final)
    }
  }
}
