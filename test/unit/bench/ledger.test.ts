import t from 'tap'
import { Ledger, type Violation } from '../../../bench/ledger.ts'

// A checker is worth what it refuses: each of these logs is bad in one way.

const place = (seq: number, id = 'a', epoch = 'e') => ({ seq, cursor: `${epoch}.${seq}.${id}${seq}` })
const by = (n: number, publisher = 'p') => ({ publisher, n })
const log = (count: number, id = 'a'): string[] => Array.from({ length: count }, (_, index) => place(index + 1, id).cursor)

/** Two clients that are in the room from its beginning; messages 1 to `count` were sent and acked. */
function opened (count: number): Ledger {
  const ledger = new Ledger(500)
  for (const name of ['ann', 'bob']) ledger.joined(name, { ...place(0), replay: 0 })
  for (let n = 1; n <= count; n++) {
    ledger.sent(by(n))
    ledger.acked(by(n), place(n).cursor)
  }
  return ledger
}

function deliver (ledger: Ledger, name: string, ...seqs: number[]): void {
  for (const seq of seqs) ledger.message(name, place(seq), by(seq))
}

function kinds (ledger: Ledger): Violation[] {
  return [...ledger.violations.keys()]
}

t.test('a run in which all is well is clean, with a cut, a resume and an unknown outcome in it', (t) => {
  const ledger = opened(3)
  deliver(ledger, 'ann', 1, 2, 3)
  deliver(ledger, 'bob', 1)
  ledger.left('bob')
  ledger.joined('bob', { ...place(3), replay: 2, recovered: true })
  t.equal(ledger.message('bob', place(2), by(2)), true, 'a replay')
  deliver(ledger, 'bob', 3)
  ledger.acked(by(3), place(3).cursor)
  ledger.compare(log(3), place(3))
  t.strictSame(ledger.verdict(), [])
  t.equal(ledger.messages, 6)
  t.end()
})

const bad: ReadonlyArray<readonly [what: string, kind: Violation, run: (ledger: Ledger) => void]> = [
  ['a message is skipped', 'loss', (ledger) => deliver(ledger, 'ann', 1, 3)],
  ['a message comes twice', 'duplicate', (ledger) => deliver(ledger, 'ann', 1, 2, 2, 3)],
  ['messages come the other way round', 'order', (ledger) => {
    ledger.message('ann', place(2), by(2))
    ledger.message('ann', place(1), by(1))
  }],
  ['two clients are told other messages of one number', 'fork', (ledger) => {
    deliver(ledger, 'ann', 1)
    ledger.sent(by(9))
    ledger.message('bob', place(1, 'b'), by(9))
  }],
  ['a message that nobody sent comes', 'phantom', (ledger) => ledger.message('ann', place(1), by(7))],
  ['a message that was refused comes', 'aborted', (ledger) => {
    ledger.sent(by(9))
    ledger.refused(by(9))
    ledger.message('ann', place(1, 'b'), by(9))
  }],
  ['a message that has come is refused', 'aborted', (ledger) => {
    deliver(ledger, 'ann', 1)
    ledger.refused(by(1))
  }],
  ['the log is empty', 'loss', (ledger) => {
    for (const name of ['ann', 'bob']) deliver(ledger, name, 1, 2, 3)
    ledger.compare([], place(3))
  }],
  ['the log is another one', 'loss', (ledger) => {
    for (const name of ['ann', 'bob']) deliver(ledger, name, 1, 2, 3)
    ledger.compare([place(9, 'a', 'f').cursor], place(9, 'a', 'f'))
  }],
  ['a gap is told though the log is intact', 'gap', (ledger) => ledger.gap('ann', 'trimmed', place(3))],
  ['a message comes before joined', 'framing', (ledger) => {
    ledger.left('ann')
    deliver(ledger, 'ann', 1)
  }],
  ['joined announces another replay than what was missed', 'framing', (ledger) => {
    deliver(ledger, 'ann', 1)
    ledger.left('ann')
    ledger.joined('ann', { ...place(3), replay: 1, recovered: true })
  }],
  ['one sender\'s messages change places', 'order', (ledger) => {
    ledger.message('ann', place(1, 'b'), by(2))
    ledger.message('ann', place(2, 'b'), by(1))
  }],
  ['a retry is stored twice', 'duplicate', (ledger) => {
    deliver(ledger, 'ann', 1, 2, 3)
    ledger.message('ann', place(4), by(3))
  }],
  ['two acks of one message name two places', 'duplicate', (ledger) => ledger.acked(by(1), place(4).cursor)],
  ['somebody is not at the top in the end', 'loss', (ledger) => {
    deliver(ledger, 'ann', 1, 2, 3)
    deliver(ledger, 'bob', 1, 2)
    ledger.compare(log(3), place(3))
  }],
  ['somebody does not come back', 'loss', (ledger) => {
    deliver(ledger, 'ann', 1, 2, 3)
    deliver(ledger, 'bob', 1, 2, 3)
    ledger.left('bob')
    ledger.compare(log(3), place(3))
  }],
  ['an acked message is not in the log', 'loss', (ledger) => {
    for (const name of ['ann', 'bob']) deliver(ledger, name, 1, 2)
    ledger.compare(log(2), place(2))
  }],
  ['somebody was led onto another log without a gap', 'fork', (ledger) => {
    ledger.damaged()
    for (const name of ['ann', 'bob']) {
      deliver(ledger, name, 1, 2)
      ledger.message(name, place(3, 'b'), by(3))
    }
    ledger.compare([place(1).cursor, place(2, 'b').cursor, place(3, 'b').cursor], place(3, 'b'))
  }]
]

for (const [what, kind, run] of bad) {
  t.test(`it is noticed where ${what}`, (t) => {
    const ledger = opened(3)
    run(ledger)
    t.ok(kinds(ledger).includes(kind), ledger.examples.join('; '))
    t.ok(ledger.verdict().length > 0)
    t.end()
  })
}

t.test('where the log was damaged, gaps are right, until it has been compared', (t) => {
  const ledger = opened(2)
  for (const name of ['ann', 'bob']) deliver(ledger, name, 1, 2)
  ledger.damaged()
  ledger.sent(by(9))
  for (const name of ['ann', 'bob']) {
    ledger.gap(name, 'fork', place(1))
    ledger.message(name, place(2, 'b'), by(9))
  }
  ledger.compare([place(1).cursor, place(2, 'b').cursor], place(2, 'b'))
  t.strictSame(ledger.verdict(), [])
  t.strictSame(ledger.gaps, ['fork', 'fork'])
  ledger.gap('ann', 'epoch', place(2, 'b'))
  t.strictSame(kinds(ledger), ['gap'])
  t.end()
})

t.test('the account adds up: what came, what a gap told, what was lost with the log before it was seen', (t) => {
  const ledger = opened(5)
  deliver(ledger, 'ann', 1, 2, 3, 4)
  deliver(ledger, 'bob', 1, 2)
  ledger.left('bob')
  ledger.damaged()
  // 3, 4 and 5 are lost: ann had 3 and 4 and is told; bob had none of them, and the log goes on for it.
  ledger.gap('ann', 'ahead', place(2))
  ledger.joined('bob', { ...place(2), replay: 0, recovered: true })
  ledger.sent(by(9))
  ledger.acked(by(9), place(3, 'b').cursor)
  for (const name of ['ann', 'bob']) ledger.message(name, place(3, 'b'), by(9))
  ledger.compare([place(1).cursor, place(2).cursor, place(3, 'b').cursor], place(3, 'b'))
  t.strictSame(ledger.verdict(), [])
  t.strictSame(ledger.account, { published: 6, expected: 12, delivered: 8, told: 1, unseen: 3, lost: 0 })
  t.end()
})

t.test('what a client skips on its way into a new log is told by its gap', (t) => {
  const ledger = opened(1)
  for (const name of ['ann', 'bob']) deliver(ledger, name, 1)
  ledger.damaged()
  const [first, second] = [place(1, 'a', 'f'), place(2, 'a', 'f')]
  for (const [n, { cursor }] of [[8, first], [9, second]] as const) {
    ledger.sent(by(n))
    ledger.acked(by(n), cursor)
  }
  ledger.gap('ann', 'epoch', second)
  ledger.gap('bob', 'epoch', first)
  ledger.message('bob', second, by(9))
  ledger.compare([first.cursor, second.cursor], second)
  t.strictSame(ledger.verdict(), [])
  t.strictSame(ledger.account, { published: 3, expected: 6, delivered: 3, told: 3, unseen: 0, lost: 0 })
  t.end()
})

t.test('damage elsewhere hides no loss of what the log keeps', (t) => {
  const ledger = opened(3)
  deliver(ledger, 'ann', 1, 2, 3)
  deliver(ledger, 'bob', 1, 3)
  ledger.damaged()
  ledger.compare(log(3), place(3))
  t.strictSame(ledger.account, { published: 3, expected: 6, delivered: 5, told: 0, unseen: 0, lost: 1 })
  t.ok(kinds(ledger).includes('loss'))
  t.end()
})

t.test('an ack that was on its way when the log was lost may be of what is lost; a later one may not', (t) => {
  const ledger = opened(1)
  for (const name of ['ann', 'bob']) deliver(ledger, name, 1)
  ledger.sent(by(2))
  ledger.damaged()
  ledger.acked(by(2), place(2).cursor)
  ledger.compare(log(1), place(1))
  t.strictSame(ledger.verdict(), [])
  t.equal(ledger.account.unseen, 2)
  ledger.damaged()
  ledger.sent(by(3))
  ledger.acked(by(3), place(2).cursor)
  ledger.compare(log(1), place(1))
  t.strictSame(kinds(ledger), ['loss'])
  t.end()
})
