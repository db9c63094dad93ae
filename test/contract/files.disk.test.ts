import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, rmSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DiskFiles, type DiskOptions } from '../../src/files/disk.ts'
import { FilesError } from '../../src/files/files.ts'
import { newFileId } from '../../src/files/links.ts'
import { eventually } from '../../cluster/until.ts'
import { chunks, filesContract } from './files.contract.ts'

const HEAD = { room: 'general', name: 'a.txt', mediaType: 'text/plain', bytes: 10 }

filesContract(t, async (t) => {
  const { files, dir } = start(t)
  return [files, start(t, { dir }).files]
})

function start (t: Test, options: Partial<DiskOptions> = {}, now?: () => number): { files: DiskFiles, dir: string } {
  const dir = options.dir ?? join(t.testdir(), 'deep', 'files')
  const files = new DiskFiles({ dir, maxBytes: Infinity, maxAgeMs: Infinity, ...options }, now)
  files.start()
  t.teardown(() => files.stop())
  return { files, dir }
}

t.test('a full store takes nothing more, keeps what it has, and takes again when there is room', async (t) => {
  const { files, dir } = start(t, { maxBytes: 200 })
  const ids = [newFileId(), newFileId(), newFileId()] as const
  await files.put(ids[0], HEAD, chunks('0123456789'))
  await files.put(ids[1], HEAD, chunks('0123456789'))
  await t.rejects(files.put(ids[2], HEAD, chunks('0123456789')), new FilesError('full'))
  t.equal(readdirSync(dir).length, 2)
  await t.rejects(start(t, { dir, maxBytes: 200 }).files.put(ids[2], HEAD, chunks('0123456789')), new FilesError('full'), 'what others put counts')
  await files.remove(ids[0])
  t.equal(await files.put(ids[2], HEAD, chunks('0123456789')), 'stored')
})

t.test('the bound holds for files that are being written, too', async (t) => {
  const { files, dir } = start(t, { maxBytes: 200 })
  const outcomes = await Promise.allSettled(Array.from({ length: 5 }, () => files.put(newFileId(), HEAD, chunks('0123456789'))))
  t.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 2)
  t.equal(readdirSync(dir).length, 2)
})

t.test('a disk that is full leaves nothing, and says so', async (t) => {
  const { files, dir } = start(t)
  const full = async function * (): AsyncGenerator<Uint8Array> {
    yield Buffer.from('01234')
    throw Object.assign(new Error('no space'), { code: 'ENOSPC', syscall: 'write' })
  }
  await t.rejects(files.put(newFileId(), HEAD, full()), new FilesError('full'))
  t.strictSame(readdirSync(dir), [])
})

t.test('a folder that cannot be had refuses files, and is had again when it can be', async (t) => {
  const place = t.testdir({ file: 'no folder' })
  const problems: Error[] = []
  const { files } = start(t, { dir: join(place, 'file', 'files'), onProblem: (error) => { problems.push(error) } })
  await eventually('it is said at once, before anybody wants to put something', async () => problems.length === 1)
  t.match(problems[0]!.cause, { code: 'ENOTDIR' })
  await t.rejects(files.put(newFileId(), HEAD, chunks('0123456789')), new FilesError('unavailable'))
  // Nothing can be made there; Node's own `recursive` would try for ever.
  await t.rejects(start(t, { dir: '/proc/nope/deep' }).files.put(newFileId(), HEAD, chunks('0123456789')),
    new FilesError('unavailable'))
  const dir = join(place, 'other')
  writeFileSync(dir, '')
  const later = start(t, { dir }).files
  await t.rejects(later.put(newFileId(), HEAD, chunks('0123456789')), new FilesError('unavailable'))
  rmSync(dir)
  mkdirSync(dir)
  t.equal(await later.put(newFileId(), HEAD, chunks('0123456789')), 'stored')
})

t.test('what is too old is not found any more, and swept; what a crash left is swept; what is not ours stays', async (t) => {
  let nowMs = Date.now()
  const { files, dir } = start(t, { maxAgeMs: 60_000 }, () => nowMs)
  const [old, young] = [newFileId(), newFileId()]
  await files.put(old, HEAD, chunks('0123456789'))
  await files.put(young, HEAD, chunks('0123456789'))
  utimesSync(join(dir, old), new Date(nowMs - 61_000), new Date(nowMs - 61_000))
  t.equal(await files.find(old), undefined, 'to the moment, not to the next sweep')
  const [fresh, abandoned] = [`${newFileId()}.01234567.part`, `${newFileId()}.89abcdef.part`]
  for (const name of [fresh, abandoned, 'README', `${newFileId()}.txt`]) writeFileSync(join(dir, name), 'half')
  utimesSync(join(dir, abandoned), new Date(nowMs - 601_000), new Date(nowMs - 601_000))
  mkdirSync(join(dir, 'folder'))
  await files.sweep()
  const left = readdirSync(dir)
  t.equal(left.length, 5)
  t.notOk(left.includes(old) || left.includes(abandoned))
  t.ok(left.includes(fresh), 'somebody may be writing it')
  t.ok(files.heldBytes > 10 && files.heldBytes < 200, 'the file that is left, with its head')
  nowMs += 61_000
  t.equal(await files.find(young), undefined)
})

t.test('without a folder of its own it makes one when it is needed, for nobody else to read, and takes it away', async (t) => {
  const before = readdirSync(tmpdir())
  const files = new DiskFiles({ dir: undefined, maxBytes: Infinity, maxAgeMs: Infinity })
  files.start()
  const made = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('tidegate-files-') && !before.includes(name))
  const count = made().length
  await files.sweep()
  t.equal(made().length, count, 'not before there is a file')
  const id = newFileId()
  await files.put(id, HEAD, chunks('0123456789'))
  const folder = made().find((name) => readdirSync(join(tmpdir(), name)).includes(id))!
  t.equal(statSync(join(tmpdir(), folder)).mode & 0o777, 0o700)
  t.equal(statSync(join(tmpdir(), folder, id)).mode & 0o777, 0o600)
  await files.stop()
  t.notOk(made().includes(folder))
})

t.test('a file that a disk has damaged is a failing store, not a file', async (t) => {
  const { files, dir } = start(t)
  const id = newFileId()
  await files.put(id, HEAD, chunks('0123456789'))
  writeFileSync(join(dir, id), Buffer.from('ffffffff00', 'hex'))
  await t.rejects(files.find(id), new FilesError('unavailable'))
})

t.test('what has the name of a file and is none is neither read nor swept, and keeps nothing else from being', async (t) => {
  const place = t.testdir({ secret: 'a secret that is longer than a head', files: {} })
  const [dir, outside] = [join(place, 'files'), join(place, 'secret')]
  const [link, folder, pipe, damaged] = [newFileId(), newFileId(), newFileId(), newFileId()]
  symlinkSync(outside, join(dir, link))
  mkdirSync(join(dir, folder))
  t.equal(spawnSync('mkfifo', [join(dir, pipe)]).status, 0)
  writeFileSync(join(dir, damaged), Buffer.concat([Buffer.from('00000002', 'hex'), Buffer.from('{}'), Buffer.from('content')]))
  const old = newFileId()
  const { files } = start(t, { dir, maxAgeMs: 60_000 })
  t.equal(await files.put(old, HEAD, chunks('0123456789')), 'stored', 'a folder that cannot be removed stops nobody')
  const before = new Date(Date.now() - 61_000)
  for (const id of [link, folder, pipe, damaged]) await t.rejects(files.find(id), new FilesError('unavailable'))
  for (const id of [old, folder]) utimesSync(join(dir, id), before, before)
  await files.sweep()
  t.strictSame(readdirSync(dir).sort(), [link, folder, pipe, damaged].sort())
})

t.test('a file that is swept between being found and being read is a failing store, before anything is said', async (t) => {
  const { files, dir } = start(t)
  const id = newFileId()
  await files.put(id, HEAD, chunks('0123456789'))
  const found = (await files.find(id))!
  rmSync(join(dir, id))
  await t.rejects(found.read(), new FilesError('unavailable'))
})
