import { fileURLToPath } from 'node:url'
import { Child } from '../../cluster/child.ts'
import type { CommandName, Commands } from '../load/commands.ts'
import { GENERATORS_CPU, pinned } from './pin.ts'

export interface Generator {
  readonly pid: number
  /** @throws Error where it cannot be done, or takes too long */
  ask<Name extends CommandName> (name: Name, ask: Commands[Name]['ask']): Promise<Commands[Name]['answer']>
  end (): Promise<void>
}

type Reply = { readonly answer: unknown } | { readonly error: string }

const MAIN = fileURLToPath(new URL('../load/main.js', import.meta.url))
const ANSWER_MS = 120_000

/** A load generator in a process of its own. */
export async function startGenerator (): Promise<Generator> {
  const { command, args } = pinned(GENERATORS_CPU, { command: process.execPath, args: [MAIN] })
  const child = await Child.spawn(command, args, { hasChannel: true, onLine: (line) => process.stderr.write(`generator: ${line}\n`) })
  return {
    pid: child.pid,
    ask: async (name, ask) => await new Promise((resolve, reject) => {
      const timer = setTimeout(() => done(() => reject(new Error(`the generator does not answer: ${name}`))), ANSWER_MS)
      const onReply = (reply: Reply): void => done(() => {
        if ('error' in reply) reject(new Error(`${name}: ${reply.error}`))
        else resolve(reply.answer as Commands[typeof name]['answer'])
      })
      const onEnd = (): void => done(() => reject(new Error(`the generator has ended: ${name}`)))
      const done = (then: () => void): void => {
        clearTimeout(timer)
        child.process.off('message', onReply)
        child.process.off('exit', onEnd)
        then()
      }
      child.process.on('message', onReply)
      child.process.on('exit', onEnd)
      child.process.send({ name, ask })
    }),
    end: async () => { await child.end('SIGKILL') }
  }
}
