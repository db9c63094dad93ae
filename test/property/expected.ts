import assert from 'node:assert/strict'
import { formatCursor } from '../../src/protocol/cursor.ts'
import type { GapReason } from '../../src/protocol/entry.ts'
import { ModelLog, type Place } from './model.ts'
import { KEEP, type RealClient, type Said, type World } from './world.ts'

/** What is expected: the log, and how far each client has got. */
export class Model {
  readonly log = new ModelLog(KEEP.maxEntries)
  /** By the cursors that the real log gave them. */
  readonly places = new Map<string, Place>()
  readonly clients = [0, 1, 2].map((index) => new ModelClient(index))
}

export class ModelClient {
  readonly name: string
  replica = 0
  real: RealClient | undefined
  /** The last cursor that it has got. */
  cursor: string | undefined
  /** Why a gap may come to it now. */
  readonly mayBreak = new Set<GapReason>()
  readonly got = new Set<unknown>()
  /** The cursors that it has got, oldest first. */
  readonly had: string[] = []

  constructor (index: number) {
    this.name = `client ${index}`
  }
}

/** Reads what has come to a client, and holds it against the promise. */
export function absorb (model: Model, client: ModelClient, said: readonly Said[]): void {
  for (const frame of said) {
    if (frame.type === 'gap') {
      const reason = frame['reason'] as GapReason
      assert.ok(client.mayBreak.has(reason), `${client.name} was told of a ${reason} that never was`)
      client.cursor = String(frame['cursor'])
      client.had.push(client.cursor)
    } else {
      assert.equal(frame.type, 'message', `${client.name}: ${JSON.stringify(frame)}`)
      const before = placeOf(model, client.cursor!)
      const place = placeOf(model, String(frame['cursor']))
      assert.equal(frame['content'], place.content)
      assert.equal(frame['seq'], place.seq)
      assert.deepEqual([place.epoch, place.seq], [before.epoch, before.seq + 1], `${client.name}: out of order`)
      assert.ok(!client.got.has(place.content), `${client.name} got ${place.content} twice`)
      client.got.add(place.content)
      client.cursor = String(frame['cursor'])
      client.had.push(client.cursor)
    }
  }
}

/** Only the beginning of a log has a cursor that no publish was told: it is the present log's. */
function placeOf (model: Model, cursor: string): Place {
  let place = model.places.get(cursor)
  if (place === undefined) {
    assert.equal(cursor.split('.')[1], '0', `${cursor} was never given to a message`)
    place = model.log.beginning
    model.places.set(cursor, place)
  }
  return place
}

/** All is at rest: every client that is in the room has everything. */
export async function comeToRest (model: Model, world: World): Promise<void> {
  await world.settle()
  const online = model.clients.filter(({ real }) => real !== undefined)
  // The newest message names the one before it: what was lost has been noticed.
  checkAtTop(model, online.filter(({ replica }) => world.replicas[replica]!.isInformed))
  for (const replica of world.replicas) await replica.checkQuietRooms()
  await world.settle()
  checkAtTop(model, online)
  for (const { mayBreak } of online) mayBreak.clear()
}

function checkAtTop (model: Model, clients: readonly ModelClient[]): void {
  for (const client of clients) {
    absorb(model, client, client.real!.takeSaid())
    assert.deepEqual(placeOf(model, client.cursor!), model.log.top, `${client.name} is not at the top`)
  }
}

export async function publish (model: Model, world: World, count: number): Promise<void> {
  for (let n = 0; n < count; n++) {
    const place = model.log.publish()
    model.places.set(formatCursor(await world.append(place.content)), place)
  }
  // Who hears nothing may be left behind what the log keeps.
  const left = model.clients.filter(({ real, replica }) => real !== undefined && world.replicas[replica]!.isDeaf)
  // And whoever has not noticed yet what was done to the log.
  const misled = model.clients.filter(({ mayBreak }) => mayBreak.size > 0)
  for (const { mayBreak } of [...left, ...misled]) mayBreak.add('trimmed')
}

/** Joins from where the client is, and holds the answer against the log as it is now. */
export async function join (
  model: Model, world: World, client: ModelClient, cursor: string | undefined, meanwhile: () => Promise<void>
): Promise<void> {
  const since = cursor === undefined ? undefined : placeOf(model, cursor)
  const gaps = new Set([since && model.log.whyNot(since)])
  const firstTop = model.log.top
  const real = client.real!
  real.join(cursor)
  await meanwhile()
  gaps.add(since && model.log.whyNot(since))
  await world.settle()

  const said = real.takeSaid()
  const begin = said.findIndex(({ type }) => type === 'joined')
  // Until it was joined again it went on as before.
  absorb(model, client, said.slice(0, begin))
  const [joined, ...rest] = said.slice(begin)
  client.cursor = cursor
  // From there on, everything comes once more.
  const from = client.had.lastIndexOf(cursor ?? '')
  const again = from < 0 ? [] : client.had.splice(from + 1)
  for (const had of again) client.got.delete(placeOf(model, had).content)
  const at = placeOf(model, String(joined!['cursor']))
  assert.ok(at.seq >= firstTop.seq && at.seq <= model.log.top.seq, `joined at ${at.seq}`)
  const gap = rest[0]?.type === 'gap' ? rest.shift() : undefined
  assert.ok(gaps.has(gap?.['reason'] as GapReason | undefined), `a gap: ${gap?.['reason']}`)
  if (gap !== undefined) assert.equal(gap['cursor'], joined!['cursor'])
  const isRecovered = since !== undefined && gap === undefined
  const { seq, replay, recovered } = joined!
  assert.deepEqual({ seq, replay, recovered }, {
    seq: at.seq,
    replay: isRecovered ? at.seq - since.seq : 0,
    recovered: since === undefined ? undefined : isRecovered
  })
  if (!isRecovered) {
    client.cursor = String(joined!['cursor'])
    client.had.push(client.cursor)
  }
  client.mayBreak.clear()
  absorb(model, client, rest)
  const expected = world.replicas[client.replica]!.isInformed ? model.log.top : at
  assert.ok(placeOf(model, client.cursor!).seq >= expected.seq, `${client.name} did not get all of it`)
}
