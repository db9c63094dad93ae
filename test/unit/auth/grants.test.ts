import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { ClaimError, Grants } from '../../../src/auth/grants.ts'

t.test('the longest pattern that matches decides, and none forbids', async (t) => {
  const grants = Grants.of({
    rooms: { '*': ['join'], 'chat:*': ['join', 'publish'], 'chat:ops*': [], 'chat:ops:me': ['publish'] }
  })
  const rights = (room: string): string => (['join', 'publish'] as const).filter((action) => grants.in(room, action)).join()
  t.equal(rights('lobby'), 'join')
  t.equal(rights('chat:1'), 'join,publish')
  t.equal(rights('chat:'), 'join,publish')
  t.equal(rights('chat'), 'join')
  t.equal(rights('chat:ops'), '')
  t.equal(rights('chat:ops:7'), '')
  t.equal(rights('chat:ops:me'), 'publish')
  t.equal(Grants.of({ rooms: {} }).in('lobby', 'join'), false)
})

t.test('without the claim every room is as its rule says; without `can` there is no ability', async (t) => {
  const grants = Grants.of({})
  t.ok(grants.in('lobby', 'join') && grants.in('lobby', 'publish'))
  for (const ability of ['broadcast', 'move', 'admin'] as const) t.notOk(grants.can(ability), ability)
})

t.test('$all can be heard by everyone, and written to by nobody', async (t) => {
  for (const grants of [Grants.of({ rooms: {} }), Grants.of({ rooms: { '*': ['join', 'publish'] } }), Grants.open]) {
    t.ok(grants.in('$all', 'join'))
    t.notOk(grants.in('$all', 'publish'))
  }
})

t.test('in an open gateway everyone may do everything but administrate', async (t) => {
  t.ok(Grants.open.in('any', 'publish') && Grants.open.can('move') && Grants.open.can('broadcast'))
  t.notOk(Grants.open.can('admin'))
})

t.test('words of a later version allow nothing', async (t) => {
  const grants = Grants.of({ rooms: { '*': ['observe', 'join'] }, can: ['fly', 'move'] })
  t.ok(grants.in('a', 'join') && grants.can('move'))
})

t.test('a claim that is not of its form is refused by name', async (t) => {
  const bad: Array<[unknown, RegExp]> = [
    ...[null, 'chat', 7, ['chat:*']].map((rooms) => [{ rooms }, /^token: rooms: must be an object/] as [unknown, RegExp]),
    ...['', 'a b', '*a', 'a*b', '$all', '{a}', 'chat:**', '-a*'].map((pattern) =>
      [{ rooms: { [pattern]: ['join'] } }, /^token: rooms: a pattern is/] as [unknown, RegExp]),
    ...['join', { join: true }, [7], null].map((actions) =>
      [{ rooms: { a: actions } }, /^token: rooms: must be a list of words/] as [unknown, RegExp]),
    ...['admin', { admin: true }, [1], null].map((can) => [{ can }, /^token: can: must be a list/] as [unknown, RegExp]),
    [{ rooms: Object.fromEntries(Array.from({ length: 257 }, (_, n) => [`r${n}`, ['join']])) }, /at most 256/]
  ]
  for (const [claims, message] of bad) {
    const expected = { constructor: ClaimError, message }
    t.throws(() => Grants.of(claims as Record<string, unknown>), expected, JSON.stringify(claims).slice(0, 60))
  }
})

t.test('names of Object are rooms like any other', async (t) => {
  const grants = Grants.of({ rooms: JSON.parse('{"constructor":["join"]}') })
  t.ok(grants.in('constructor', 'join'))
  t.notOk(grants.in('toString', 'join'))
  t.throws(() => Grants.of({ rooms: JSON.parse('{"__proto__":["join"]}') }), { message: /a pattern is/ })
})

t.test('it decides as the rule says it, whatever the patterns', async () => {
  const name = fc.stringMatching(/^[ab]{1,4}$/)
  const pattern = fc.oneof(name, name.map((prefix) => `${prefix}*`), fc.constant('*'))
  fc.assert(fc.property(fc.dictionary(pattern, fc.constantFrom(['join'], [])), name, (rooms, room) => {
    const matching = Object.keys(rooms).filter((key) => key.endsWith('*') ? room.startsWith(key.slice(0, -1)) : key === room)
    // A name is longer than any prefix of it: the star does not count.
    matching.sort((x, y) => y.replace('*', '').length - x.replace('*', '').length || Number(x.endsWith('*')) - Number(y.endsWith('*')))
    assert.equal(Grants.of({ rooms }).in(room, 'join'), matching.length > 0 && rooms[matching[0]!]!.length > 0)
  }))
})
