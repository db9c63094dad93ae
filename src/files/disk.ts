import { randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, mkdir, mkdtemp, open, readdir, rename, rm, stat, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import {
  type ByteRange, exactly, FILE_ID, type FileHead, FilesError, type Files, headOf, type StoredFile, textOf
} from './files.ts'

export interface DiskOptions {
  /** Undefined: a folder of its own in the system's temporary one, which is gone when the store stops. */
  readonly dir: string | undefined
  /** Infinity for no bound. */
  readonly maxBytes: number
  /** Infinity for as long as the disk does. */
  readonly maxAgeMs: number
  /** Called with what the disk says of the folder, at the start and once a minute, until it can be had. */
  readonly onProblem?: (error: Error) => void
}

interface Found { readonly head: FileHead, readonly prefixBytes: number }

const SWEEP_MS = 60_000
// No upload takes so long (http/upload.ts): whoever wrote it has crashed.
const ABANDONED_MS = 600_000
const PART = /^[A-Za-z0-9_-]{22}\.[0-9a-f]{8}\.part$/
const LENGTH_BYTES = 4
const MAX_HEAD_BYTES = 4_096
const FULL = ['ENOSPC', 'EDQUOT']
// Nothing that leads elsewhere, or waits for somebody; Windows knows neither.
const READ_FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/**
 * Files in one folder, which replicas may share. Each is its head and its content in one file, under its id: it is
 * there with both or not at all, and what a web server showed of the folder by mistake would be no page. A full store
 * takes nothing more until what is old is swept: nobody's files are removed to make room for another's.
 */
export class DiskFiles implements Files {
  readonly #options: DiskOptions
  readonly #now: () => number
  #dir: Promise<string> | undefined
  #timer: NodeJS.Timeout | undefined
  #firstSweep: Promise<void> | undefined
  #storedBytes = 0
  /** Of files that are being written. */
  #reservedBytes = 0

  constructor (options: DiskOptions, now = Date.now) {
    this.#options = options
    this.#now = now
  }

  start (): void {
    const { dir, onProblem = () => {} } = this.#options
    // Whoever puts something is told by `put`.
    this.#timer = setInterval(() => { this.sweep().catch(onProblem) }, SWEEP_MS)
    if (dir !== undefined) this.#swept().catch(onProblem)
  }

  async put (id: string, head: FileHead, content: AsyncIterable<Uint8Array>): Promise<'stored' | 'exists'> {
    await this.#swept()
    const prefix = prefixOf(head)
    const bytes = prefix.length + head.bytes
    if (this.heldBytes + bytes > this.#options.maxBytes) throw new FilesError('full')
    this.#reservedBytes += bytes
    try {
      const outcome = await this.#write(await this.#pathOf(id), exactly(bytes, joined(prefix, content)))
      if (outcome === 'stored') this.#storedBytes += bytes
      return outcome
    } catch (error) {
      throw toFilesError(error)
    } finally {
      this.#reservedBytes -= bytes
    }
  }

  async find (id: string): Promise<StoredFile | undefined> {
    if (!FILE_ID.test(id)) return undefined
    try {
      const path = await this.#pathOf(id)
      const found = await this.#readHead(path)
      return found && { head: found.head, read: async (range) => await readContent(path, found, range) }
    } catch (error) {
      if (isMissing(error)) return undefined
      throw toFilesError(error)
    }
  }

  async remove (id: string): Promise<void> {
    if (!FILE_ID.test(id)) return
    try {
      const path = await this.#pathOf(id)
      const { size } = await stat(path)
      await unlink(path)
      this.#storedBytes -= size
    } catch (error) {
      if (!isMissing(error)) throw toFilesError(error)
    }
  }

  get heldBytes (): number {
    return this.#storedBytes + this.#reservedBytes
  }

  async stop (): Promise<void> {
    clearInterval(this.#timer)
    if (this.#options.dir !== undefined || this.#dir === undefined) return
    await rm(await this.#dir, { recursive: true, force: true })
  }

  /**
   * Removes what is too old, and what a crash has left half written; counts the rest anew, also what other replicas
   * have put there, and what cannot be removed. Files that are not ours are left alone. Rejects with what the disk says
   * of the folder.
   */
  async sweep (): Promise<void> {
    // The temporary folder is made with the first file.
    if ((this.#options.dir ?? this.#dir) === undefined) return
    const dir = await this.#folder()
    let bytes = 0
    for (const name of await readdir(dir)) {
      if (FILE_ID.test(name) || PART.test(name)) bytes += await this.#sweepOne(join(dir, name), PART.test(name))
    }
    this.#storedBytes = bytes
  }

  /** @returns the bytes that it holds */
  async #sweepOne (path: string, isPart: boolean): Promise<number> {
    let bytes = 0
    try {
      const entry = await lstat(path)
      if (!entry.isFile()) return 0
      if (!isPart) bytes = entry.size
      if (this.#now() - entry.mtimeMs <= (isPart ? ABANDONED_MS : this.#options.maxAgeMs)) return bytes
      await unlink(path)
      return 0
    } catch (error) {
      // Another replica sweeps, too; and one that cannot be removed is no reason to keep the others.
      return isMissing(error) ? 0 : bytes
    }
  }

  /** The bound holds from the first file on: what was there before counts. */
  async #swept (): Promise<void> {
    this.#firstSweep ??= this.sweep()
    try {
      await this.#firstSweep
    } catch (error) {
      this.#firstSweep = undefined
      throw toFilesError(error)
    }
  }

  /** Under another name first, so that nobody reads a half of it, whatever happens meanwhile. */
  async #write (path: string, content: AsyncIterable<Uint8Array>): Promise<'stored' | 'exists'> {
    const part = `${path}.${randomBytes(4).toString('hex')}.part`
    try {
      await writeSynced(part, content)
      if (await isThere(path)) return 'exists'
      await rename(part, path)
      await syncFolder(await this.#folder())
      return 'stored'
    } finally {
      await rm(part, { force: true })
    }
  }

  async #readHead (path: string): Promise<Found | undefined> {
    const handle = await open(path, READ_FILE)
    try {
      const { size, mtimeMs } = await handle.stat()
      if (this.#now() - mtimeMs > this.#options.maxAgeMs) return undefined
      const { buffer, bytesRead } = await handle.read(Buffer.alloc(LENGTH_BYTES + MAX_HEAD_BYTES), { position: 0 })
      const prefixBytes = LENGTH_BYTES + buffer.readUInt32BE(0)
      // Not of ours, or of a disk that has lost it.
      if (prefixBytes > bytesRead) throw new FilesError('unavailable')
      return { head: headOf(buffer.toString('utf8', LENGTH_BYTES, prefixBytes), size - prefixBytes), prefixBytes }
    } finally {
      await handle.close()
    }
  }

  async #pathOf (id: string): Promise<string> {
    return join(await this.#folder(), id)
  }

  /** Made when it is first needed. */
  async #folder (): Promise<string> {
    this.#dir ??= makeFolder(this.#options.dir)
    try {
      return await this.#dir
    } catch (error) {
      this.#dir = undefined
      throw error
    }
  }
}

async function makeFolder (dir: string | undefined): Promise<string> {
  if (dir === undefined) return await mkdtemp(join(tmpdir(), 'tidegate-files-'))
  await makeAll(dir)
  return dir
}

/** As `recursive: true` would, which tries on and on in a place where nothing can be made, such as `/proc`. */
async function makeAll (dir: string): Promise<void> {
  try {
    await makeOne(dir)
  } catch (error) {
    if (!isMissing(error) || dirname(dir) === dir) throw error
    await makeAll(dirname(dir))
    await makeOne(dir)
  }
}

async function makeOne (dir: string): Promise<void> {
  try {
    await mkdir(dir, { mode: 0o700 })
  } catch (error) {
    // A link to a folder is one, too.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !(await stat(dir)).isDirectory()) throw error
  }
}

function prefixOf (head: FileHead): Buffer {
  const text = Buffer.from(textOf(head))
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32BE(text.length)
  return Buffer.concat([length, text])
}

async function * joined (first: Uint8Array, rest: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield first
  yield * rest
}

/** What is renamed must be on the disk before its new name is. */
async function writeSynced (path: string, content: AsyncIterable<Uint8Array>): Promise<void> {
  const handle: FileHandle = await open(path, 'wx', 0o600)
  try {
    await writeFile(handle, content)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

async function syncFolder (dir: string): Promise<void> {
  const handle = await open(dir)
  try {
    await handle.sync()
  } catch {
    // Not every file system can, and the file is there all the same.
  } finally {
    await handle.close()
  }
}

async function isThere (path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (isMissing(error)) return false
    throw error
  }
}

/** Opened before anything is said of it: it may be swept meanwhile. */
async function readContent (path: string, { head, prefixBytes }: Found, range?: ByteRange): Promise<Readable> {
  const { start, end } = range ?? { start: 0, end: head.bytes - 1 }
  try {
    const handle = await open(path, READ_FILE)
    return handle.createReadStream({ start: prefixBytes + start, end: prefixBytes + end })
  } catch (error) {
    throw toFilesError(error)
  }
}

function isMissing (error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT'
}

/** What the content threw stays what it is; what the disk says becomes a FilesError. */
function toFilesError (error: unknown): unknown {
  const { code = '', syscall } = error as NodeJS.ErrnoException
  if (FULL.includes(code)) return new FilesError('full', { cause: error })
  return syscall === undefined || code === 'ECONNRESET' ? error : new FilesError('unavailable', { cause: error })
}
