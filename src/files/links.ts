import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'

/** What opens the files of a room for a while: for `<img>`, which can send no token. */
export interface Link {
  /** Seconds since 1970; as JWTs have it (RFC 7519 section 2). */
  readonly expires: number
  readonly signature: string
}

// The same for everybody within a window, so that browsers keep what they have loaded. It holds for one or two of them.
const WINDOW_S = 600

/** 128 bits that nobody guesses, as FILE_ID has it. */
export function newFileId (): string {
  return randomBytes(16).toString('base64url')
}

/** Signs, with a key that all replicas have, what may be read without a token. */
export class FileLinks {
  readonly #key: Buffer
  readonly #nowS: () => number

  /** @param secret which clients do not know; the same on all replicas */
  constructor (secret: string, nowS = () => Math.floor(Date.now() / 1_000)) {
    // Not the secret itself, which signs tokens as well (RFC 5869).
    this.#key = Buffer.from(hkdfSync('sha256', secret, '', 'tidegate files', 32))
    this.#nowS = nowS
  }

  /** For whoever may join the room. It holds for 10 minutes at least and 20 at most. */
  sign (room: string): Link {
    const expires = (Math.floor(this.#nowS() / WINDOW_S) + 2) * WINDOW_S
    return { expires, signature: this.#signatureOf(room, expires) }
  }

  verify (room: string, { expires, signature }: Link): 'good' | 'bad' | 'expired' {
    const wanted = Buffer.from(this.#signatureOf(room, expires))
    const given = Buffer.from(signature)
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return 'bad'
    return expires > this.#nowS() ? 'good' : 'expired'
  }

  /** The id of a file that may be sent again: the same one each time, and guessed by nobody who has not the key. */
  idOf (parts: readonly unknown[]): string {
    return this.#hash(['id', ...parts]).subarray(0, 16).toString('base64url')
  }

  #signatureOf (room: string, expires: number): string {
    return this.#hash(['link', room, expires]).toString('base64url')
  }

  #hash (parts: readonly unknown[]): Buffer {
    return createHmac('sha256', this.#key).update(JSON.stringify(parts)).digest()
  }
}
