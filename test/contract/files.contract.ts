import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import type { FileHead, Files } from '../../src/files/files.ts'
import { newFileId } from '../../src/files/links.ts'

const HEAD: FileHead = { room: 'general', name: 'früh „1“.txt', mediaType: 'text/plain', bytes: 10 }

/** The content, a chunk at a time. */
export async function * chunks (...parts: string[]): AsyncGenerator<Uint8Array> {
  for (const part of parts) yield Buffer.from(part)
}

/** What every store of files must do. @param make a store, and another replica's of the same files */
export function filesContract (t: Test, make: (t: Test) => Promise<readonly [Files, Files]>): void {
  t.test('a file is read as it was put, by every replica, whole and in parts', async (t) => {
    const [a, b] = await make(t)
    const id = newFileId()
    t.equal(await a.put(id, HEAD, chunks('01234', '', '56789')), 'stored')
    for (const files of [a, b]) {
      const found = (await files.find(id))!
      t.strictSame(found.head, HEAD)
      t.equal(await text(await found.read()), '0123456789')
      t.equal(await text(await found.read({ start: 0, end: 0 })), '0')
      t.equal(await text(await found.read({ start: 3, end: 6 })), '3456')
      t.equal(await text(await found.read({ start: 9, end: 9 })), '9')
    }
  })

  t.test('a file that is large comes through whole', async (t) => {
    const [a] = await make(t)
    const id = newFileId()
    const part = 'x'.repeat(65_536)
    await a.put(id, { ...HEAD, bytes: 40 * part.length }, chunks(...Array.from({ length: 40 }, () => part)))
    t.equal((await text(await (await a.find(id))!.read())).length, 40 * part.length)
  })

  t.test('what is there stays as it is', async (t) => {
    const [a, b] = await make(t)
    const id = newFileId()
    await a.put(id, HEAD, chunks('0123456789'))
    t.equal(await b.put(id, { ...HEAD, room: 'other' }, chunks('abcdefghij')), 'exists')
    const found = (await a.find(id))!
    t.equal(found.head.room, 'general')
    t.equal(await text(await found.read()), '0123456789')
  })

  t.test('what was removed is gone, for all; what is not there is no error', async (t) => {
    const [a, b] = await make(t)
    const id = newFileId()
    t.equal(await a.find(id), undefined)
    await a.remove(id)
    await a.put(id, HEAD, chunks('0123456789'))
    await b.remove(id)
    t.equal(await a.find(id), undefined)
    t.equal(await a.put(id, HEAD, chunks('0123456789')), 'stored', 'and may be put anew')
  })

  t.test('a content that breaks off, or is not as long as was said, leaves nothing', async (t) => {
    const [a] = await make(t)
    const gone = new Error('gone')
    const breaking = async function * (): AsyncGenerator<Uint8Array> {
      yield Buffer.from('01234')
      throw gone
    }
    const [id, short, long] = [newFileId(), newFileId(), newFileId()]
    await t.rejects(a.put(id, HEAD, breaking()), gone, 'it is told as it was thrown')
    await t.rejects(a.put(short, HEAD, chunks('01234')))
    await t.rejects(a.put(long, HEAD, chunks('01234', '56789', 'a')))
    for (const each of [id, short, long]) t.equal(await a.find(each), undefined)
    if (a.heldBytes !== undefined) t.equal(a.heldBytes, 0)
  })

  t.test('what is no id finds nothing, and reaches nothing else', async (t) => {
    const [a] = await make(t)
    for (const id of ['', '.', '..', '../secret', 'a/../../secret', '%2e%2e', 'x'.repeat(21), 'x'.repeat(23), `${'x'.repeat(21)}/`]) {
      t.equal(await a.find(id), undefined, id)
      await a.remove(id)
    }
  })
}
