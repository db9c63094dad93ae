import { Ajv, type ValidateFunction } from 'ajv'
import fc from 'fast-check'
import t from 'tap'
import { decode } from '../../../src/protocol/codec.ts'
import { REQUESTS } from '../../../src/schemas/requests.ts'

const ajv = new Ajv({ strict: false, validateFormats: false })
const schemas = new Map<unknown, ValidateFunction>(
  Object.entries(REQUESTS).map(([type, schema]) => [type, ajv.compile(schema)]))

/** Whether the documented schema takes a frame: that of its type, which has to be one that is known. */
function isDocumented (request: object): boolean {
  return schemas.get((request as { type?: unknown }).type)?.(request) ?? false
}

const LARGEST = Number.MAX_SAFE_INTEGER
const numbers = fc.constantFrom(
  0, -0, 1, 2, 50, 199, 200, 201, -1, 0.5, 1e300, LARGEST, LARGEST + 1, -LARGEST, -LARGEST - 1
)
const lengths = fc.constantFrom(0, 1, 63, 64, 65, 127, 128, 129)
const units = fc.constantFrom('a', '.', '$', '{', ' ', '\n', '\0', 'é', '海', '🌊', '\ud83c', '\udf0a')
const texts = fc.tuple(units, lengths).map(([unit, length]) => unit.repeat(length))
const cursors = fc.tuple(
  fc.constantFrom('e', 'k3f9', '', 'x'.repeat(32), 'x'.repeat(33), 'é'),
  fc.constantFrom('0', '1', '01', '-1', '42', '8999999999999999', '9007199254740990', '9007199254740991',
    '9007199254740992', '9007199254741000', '9007200000000000', '9999999999999999', '10000000000000000', '١'),
  fc.constantFrom('e', 'Zx81kQ', '', 'x'.repeat(33), 'x\n')
).map((parts) => parts.join('.'))
const rooms = fc.constantFrom(
  'general', 'a', '$all', '$control', '$', '', '-a', 'a b', 'a:b@c=d', 'x'.repeat(128), 'x'.repeat(129), 'a\n', '{a}'
)
const anything = fc.oneof(
  numbers, texts, cursors, rooms, fc.constantFrom<unknown>(null, true, false, [], {}, ['a'], { a: 1 }), fc.jsonValue({ maxDepth: 2 })
)
/** Mostly what a field may be, and often what it may not be. */
const good: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  id: fc.oneof(numbers, texts),
  room: rooms,
  since: cursors,
  history: numbers,
  content: anything,
  key: texts,
  ephemeral: fc.boolean(),
  echo: fc.boolean(),
  delta: numbers,
  before: numbers,
  limit: numbers,
  token: texts
}
const fields = Object.fromEntries(Object.entries(good).map(([name, values]) =>
  [name, fc.oneof({ weight: 4, arbitrary: values }, { weight: 1, arbitrary: anything })]))
const types = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom(...Object.keys(REQUESTS)) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>('shout', 'toString', '', null, 5, ['join']) }
)
// With the names that are needed, so that not nearly everything is refused for what is missing.
const all: Record<string, fc.Arbitrary<unknown>> = { type: types, ...fields }
const requests = fc.record(all, { requiredKeys: ['type', 'room', 'content', 'delta', 'token'] })
const sparse = fc.record(all, { requiredKeys: [] })

t.test('the codec and the documented schemas take and refuse the same requests', (t) => {
  const seen = { taken: 0, refused: 0 }
  fc.assert(fc.property(fc.oneof(requests, sparse), (request) => {
    const isTaken = decode(JSON.stringify(request)).ok
    seen[isTaken ? 'taken' : 'refused']++
    // As it was sent: what JSON can't say (-0) is not there.
    return isDocumented(JSON.parse(JSON.stringify(request))) === isTaken
  }), { numRuns: 20_000 })
  t.comment(JSON.stringify(seen))
  t.ok(seen.taken > 2_000 && seen.refused > 2_000, 'both were tried')
  t.end()
})

t.test('each field that a schema names is one that the codec looks at', (t) => {
  for (const [type, schema] of Object.entries(REQUESTS)) {
    const { properties } = schema as { properties?: Record<string, unknown> }
    const whole = { type, room: 'a', content: 1, delta: 1, token: 'a' }
    t.ok(decode(JSON.stringify(whole)).ok, type)
    for (const name of Object.keys(properties!).filter((each) => !['type', 'content'].includes(each))) {
      t.notOk(decode(JSON.stringify({ ...whole, [name]: { bad: true } })).ok, `${type}: ${name}`)
    }
  }
  t.end()
})
