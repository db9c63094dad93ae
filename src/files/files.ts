import type { Readable } from 'node:stream'

/** What is known of a file before its content. */
export interface FileHead {
  /** Whoever may join it may read the file. */
  readonly room: string
  /** As names.ts leaves it. */
  readonly name: string
  /** Of media-types.ts. */
  readonly mediaType: string
  /** Of the content. */
  readonly bytes: number
}

/** The first and the last byte, counted from 0. */
export interface ByteRange { readonly start: number, readonly end: number }

/** A file that is there. */
export interface StoredFile {
  readonly head: FileHead
  /** The content, or a part of it. Rejects with FilesError. */
  read (range?: ByteRange): Promise<Readable>
}

/** Where shared files are kept: under an id each, for a while, and never changed. */
export interface Files {
  /** Begins to look after what is kept. */
  start (): void
  /**
   * Keeps a file: all of it, or nothing. What is there already under the id stays as it is ('exists').
   * Rejects with FilesError, or with what the content threw; nothing is left then.
   * @param id of newFileId or FileLinks.idOf
   * @param content of exactly `head.bytes` bytes
   */
  put (id: string, head: FileHead, content: AsyncIterable<Uint8Array>): Promise<'stored' | 'exists'>
  /** Undefined where there is none, or none any more. Rejects with FilesError. */
  find (id: string): Promise<StoredFile | undefined>
  /** Nothing where there is none. Rejects with FilesError. */
  remove (id: string): Promise<void>
  /** How much is kept, as far as the store knows; undefined where it does not count. */
  readonly heldBytes: number | undefined
  stop (): Promise<void>
}

/** Thrown by stores: `full` where there is no room for the file now, `unavailable` where the store fails. */
export class FilesError extends Error {
  readonly reason: 'full' | 'unavailable'

  constructor (reason: 'full' | 'unavailable', options?: ErrorOptions) {
    super(reason === 'full' ? 'the store of files is full' : 'the store of files fails', options)
    this.name = 'FilesError'
    this.reason = reason
  }
}

/** What a name of a file in a store looks like: 128 bits in base64url. */
export const FILE_ID = /^[A-Za-z0-9_-]{22}$/

/** What a store keeps beside the content. */
export function textOf ({ room, name, mediaType }: FileHead): string {
  return JSON.stringify({ room, name, mediaType })
}

/** What `textOf` made. Throws FilesError where it is something else: whoever may read it stands in it. */
export function headOf (text: string, bytes: number): FileHead {
  try {
    const { room, name, mediaType } = JSON.parse(text) as Record<string, unknown>
    if (bytes > 0 && typeof room === 'string' && typeof name === 'string' && typeof mediaType === 'string') {
      return { room, name, mediaType, bytes }
    }
  } catch {
    // As below.
  }
  throw new FilesError('unavailable', { cause: new Error('what is kept under this id is no file') })
}

/**
 * Hands the content on, and throws where it is not as long as was said; before the last chunk, so that no store has all
 * that it waits for.
 */
export async function * exactly (bytes: number, content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let came = 0
  let last: Uint8Array | undefined
  for await (const chunk of content) {
    came += chunk.length
    if (came > bytes) break
    if (last !== undefined) yield last
    last = chunk
  }
  if (came !== bytes) throw new Error(`the content is not of ${bytes} bytes`)
  if (last !== undefined) yield last
}
