import { digestOf } from '../broker/digest.ts'
import { decodeBody, encodeBody } from '../broker/wire.ts'
import type { Cursor } from '../protocol/cursor.ts'
import { type Draft, type Entry, type GapReason, KEY_TTL_MS } from '../protocol/entry.ts'
import { ask, refusedInScript, type RedisConnections, send } from '../redis/connections.ts'
import type { Keys } from '../redis/keys.ts'
import { Script, type ScriptArgument } from '../redis/script.ts'
import { AFTER_SCRIPT, APPEND_SCRIPT, BEFORE_SCRIPT, OPEN_SCRIPT, TOPS_SCRIPT } from '../redis/scripts.ts'
import { TurnBatch } from '../redis/turn-batch.ts'
import { newEntryId, newEpoch } from './ids.ts'
import {
  type History, type Log, META_TTL_MS, PAGE_BYTES, PAGE_ENTRIES, type Receipt, type Retention, type Snapshot,
  type Stretch
} from './log.ts'

/** An entry as XRANGE gives it: `<seq>-0`, and its fields and values in turn. */
type StreamEntry = readonly [id: Buffer, fields: readonly Buffer[]]

interface RoomDraft { readonly room: string, readonly draft: Draft }

// Some hundred microseconds of Redis's time.
const MAX_APPENDS = 64
const MAX_TOPS = 512
// Who joins waits no longer for it than for anything else on the way.
const TOPS_GAP_MS = 1

/** Redis Streams (https://redis.io/docs/latest/develop/data-types/streams/), through the scripts of redis/. */
export class RedisLog implements Log {
  readonly #connections: Pick<RedisConnections, 'commands'>
  readonly #keys: Keys
  readonly #retentionOf: (room: string) => Retention
  readonly #append = new Script(APPEND_SCRIPT)
  readonly #appends = new TurnBatch<RoomDraft, Receipt | 'key_reused'>((drafts) => this.#appendAll(drafts), MAX_APPENDS)
  readonly #topsScript = new Script(TOPS_SCRIPT)
  readonly #tops: TurnBatch<string, Cursor | undefined>
  readonly #open = new Script(OPEN_SCRIPT)
  readonly #after = new Script(AFTER_SCRIPT)
  readonly #before = new Script(BEFORE_SCRIPT)

  /** @param topsGapMs from one question where logs stand to the next, at least */
  constructor (
    connections: Pick<RedisConnections, 'commands'>, keys: Keys, retentionOf: (room: string) => Retention,
    topsGapMs = TOPS_GAP_MS
  ) {
    this.#connections = connections
    this.#keys = keys
    this.#retentionOf = retentionOf
    this.#tops = new TurnBatch((rooms) => this.#readTops(rooms), MAX_TOPS, topsGapMs)
  }

  /** Entries that were appended, and the commands that carried them. */
  get appendCounts (): { readonly asks: number, readonly commands: number } {
    return this.#appends.counts
  }

  append (room: string, draft: Draft): Promise<Receipt | 'key_reused'> {
    return this.#appends.add({ room, draft })
  }

  async #appendAll (drafts: readonly RoomDraft[]): Promise<ReadonlyArray<Receipt | 'key_reused' | Error>> {
    const { commands } = this.#connections
    const keys: string[] = []
    const args: ScriptArgument[] = [newEpoch(), KEY_TTL_MS]
    for (const { room, draft } of drafts) {
      const { maxEntries, maxAgeMs } = this.#retentionOf(room)
      keys.push(this.#keys.meta(room), this.#keys.stream(room), this.#keys.dedupe(room, draft.key))
      args.push(maxEntries, maxAgeMs, metaTtlMs(maxAgeMs), draft.id ?? newEntryId(), encodeBody(draft),
        draft.key === undefined ? '' : digestOf('entry', draft.sent ?? draft.content))
    }
    const replies = await send(commands, () => this.#append.run(commands, keys, args)) as Buffer[]
    return replies.map(toReceipt)
  }

  async open (room: string, newest: number, maxBytes: number): Promise<Snapshot> {
    const { commands } = this.#connections
    const { maxAgeMs } = this.#retentionOf(room)
    const keys = [this.#keys.meta(room), this.#keys.stream(room)]
    const reply = await ask(commands, () => this.#open.run(commands, keys, [
      newEpoch(), metaTtlMs(maxAgeMs), newest, maxBytes, maxAgeMs
    ]))
    const [epoch, seq, id, timestampMs, entries] = reply as [Buffer, Buffer, Buffer, Buffer, StreamEntry[]]
    const top = toCursor(epoch, seq, id)
    return { top, timestampMs: Number(String(timestampMs)), entries: toEntries(entries, top.epoch) }
  }

  async tops (rooms: readonly string[]): Promise<ReadonlyArray<Cursor | undefined>> {
    return await Promise.all(rooms.map((room) => this.#tops.add(room)))
  }

  async #readTops (rooms: readonly string[]): Promise<Array<Cursor | undefined>> {
    const { commands } = this.#connections
    const metas = rooms.map((room) => this.#keys.meta(room))
    // Alone, a room needs no script.
    const replies = metas.length === 1
      ? [await ask(commands, () => commands.hmgetBuffer(metas[0]!, 'e', 's', 'i'))]
      : await ask(commands, () => this.#topsScript.run(commands, metas, [])) as Array<Array<Buffer | null>>
    return replies.map(([epoch, seq, id]) => epoch === null ? undefined : toCursor(epoch!, seq!, id!))
  }

  async after (room: string, place: Cursor): Promise<Stretch> {
    const { commands } = this.#connections
    const { maxAgeMs, latestOnly } = this.#retentionOf(room)
    const keys = [this.#keys.meta(room), this.#keys.stream(room)]
    const reply = await ask(commands, () => this.#after.run(commands, keys, [
      newEpoch(), metaTtlMs(maxAgeMs),
      place.epoch, place.seq, place.id, PAGE_ENTRIES, PAGE_BYTES, maxAgeMs, latestOnly ? '1' : '0'
    ]))
    const [gap, epoch, seq, id, entries, nowMs] = reply as [Buffer, Buffer, Buffer, Buffer, StreamEntry[], Buffer]
    const top = toCursor(epoch, seq, id)
    return {
      gap: String(gap) as GapReason || undefined,
      top,
      nowMs: Number(String(nowMs)),
      entries: toEntries(entries, top.epoch)
    }
  }

  async before (room: string, seq: number | undefined, limit: number, maxBytes: number): Promise<History> {
    const { commands } = this.#connections
    const end = seq === undefined ? '+' : `${seq - 1}-0`
    const keys = [this.#keys.stream(room), this.#keys.meta(room)]
    const reply = await ask(commands, () => this.#before.run(commands, keys, [
      end, limit, maxBytes, this.#retentionOf(room).maxAgeMs
    ]))
    const [entries, more, epoch] = reply as [StreamEntry[], Buffer, Buffer]
    return { entries: toEntries(entries, String(epoch)), more: String(more) === '1' }
  }

  async stop (): Promise<void> {}
}

/** The meta outlives the entries: without it their numbers would begin anew. */
function metaTtlMs (maxAgeMs: number): number {
  return Math.max(META_TTL_MS, maxAgeMs)
}

function toReceipt (reply: Buffer): Receipt | 'key_reused' | Error {
  const [epoch, seq, id, duplicate, ...words] = String(reply).split(' ')
  if (epoch === 'error') return refusedInScript(words.join(' '), seq === '1')
  if (seq === undefined) return 'key_reused'
  return { cursor: { epoch: epoch!, seq: Number(seq), id: id! }, duplicate: duplicate === '1' }
}

function toCursor (epoch: Buffer, seq: Buffer, id: Buffer): Cursor {
  return { epoch: String(epoch), seq: Number(String(seq)), id: String(id) }
}

function toEntries (entries: readonly StreamEntry[], epoch: string): Entry[] {
  return entries.map(([streamId, fields]) => {
    // The order in which redis/scripts.ts writes them: i, p, t, d.
    const [, id, , prev, , timestampMs, , body] = fields as Buffer[]
    return {
      ...decodeBody(body!)!,
      epoch,
      seq: Number.parseInt(String(streamId), 10),
      id: String(id),
      prev: String(prev),
      timestampMs: Number(String(timestampMs))
    }
  })
}
