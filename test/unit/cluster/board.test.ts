import t from 'tap'
import { Board, type LogLine, parseLine } from '../../../cluster/board.ts'

const came = (connection: string, user: string): LogLine => ({ msg: 'connected', connection, user })
const went = (connection: string): LogLine => ({ msg: 'disconnected', connection })

t.test('it shows who is connected to which replica', async (t) => {
  const board = new Board(['gateway-a', 'gateway-b'])
  t.equal(board.show(), 'gateway-a 0 | gateway-b 0')
  t.equal(board.take('gateway-a', came('c1', 'ann')), true)
  t.equal(board.take('gateway-a', came('c2', 'ann')), true)
  t.equal(board.take('gateway-b', came('c3', 'bob')), true)
  t.equal(board.show(), 'gateway-a 2 (ann) | gateway-b 1 (bob)')
  t.equal(board.take('gateway-a', went('c1')), true)
  t.equal(board.show(), 'gateway-a 1 (ann) | gateway-b 1 (bob)')
  board.clear('gateway-b')
  t.equal(board.show(), 'gateway-a 1 (ann) | gateway-b 0')
})

t.test('of many it shows some', async (t) => {
  const board = new Board(['gateway-a'])
  for (let n = 1; n <= 9; n++) board.take('gateway-a', came(`c${n}`, `u${n}`))
  t.equal(board.show(), 'gateway-a 9 (u1, u2, u3, u4, …)')
})

t.test('other lines change nothing', async (t) => {
  const board = new Board(['gateway-a'])
  for (const line of [{ msg: 'request' }, { msg: 'socket', connection: 'c1' }, went('c1')]) {
    t.equal(board.take('gateway-a', line), false)
  }
  t.equal(board.take('gateway-z', came('c1', 'ann')), false)
})

t.test('what is no line of a log is shown as it is, as bad', async (t) => {
  t.strictSame(parseLine('{"level":30,"msg":"hello"}'), { level: 30, msg: 'hello' })
  t.strictSame(parseLine('Error: at startup'), { level: 60, msg: 'Error: at startup' })
})
