import t from 'tap'
import { ALL, isRoomName, POSITION } from '../../../src/protocol/rooms.ts'

t.test('a room\'s name is 1 to 128 letters, digits and _ - . : @ =', (t) => {
  for (const name of ['a', '7', 'Z', 'chat:42', 'a_b-c.d:e@f=g', 'constructor', 'x'.repeat(128), POSITION]) {
    t.ok(isRoomName(name), name)
  }
  t.end()
})

t.test('a name of another form is no room\'s', (t) => {
  for (const name of ['', 'x'.repeat(129), '{a}', 'a b', 'a\n', 'a/b', 'ä', 'a\u200b', 'a*', '$a', ALL]) {
    t.notOk(isRoomName(name), JSON.stringify(name))
  }
  t.end()
})

t.test('a name begins with a letter or a digit', (t) => {
  for (const first of '_-.:@=') t.notOk(isRoomName(`${first}a`), first)
  t.notOk(isRoomName('__proto__'))
  t.end()
})
