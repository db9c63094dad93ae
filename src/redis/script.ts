import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'

export type ScriptArgument = string | number | Uint8Array

/** A Lua script, run by its digest; sent whole where Redis does not know it (any more). */
export class Script {
  readonly #lua: string
  readonly #sha1: string

  constructor (lua: string) {
    this.#lua = lua
    this.#sha1 = createHash('sha1').update(lua).digest('hex')
  }

  /** Replies come as Buffers, because content is bytes. */
  async run (redis: Redis, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    const rest = args.map((argument) => argument instanceof Uint8Array ? Buffer.from(argument) : argument)
    try {
      return await redis.callBuffer('EVALSHA', this.#sha1, keys.length, ...keys, ...rest)
    } catch (error) {
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error
      return await redis.callBuffer('EVAL', this.#lua, keys.length, ...keys, ...rest)
    }
  }
}
