import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'
import type { Ended } from '../../cluster/child.ts'
import { fromBuild } from '../../cluster/replica.ts'
import { eventually, Until } from '../../cluster/until.ts'

/** `node dist/main.js` as anyone runs it, with only these settings. */
export class GatewayProcess {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  stdout = ''
  stderr = ''
  readonly #until = new Until()

  /** @param before what a shell does first, such as `ulimit -n 256` */
  constructor (test: Test, env: Readonly<Record<string, string>>, before?: string) {
    const { command, args, env: whole } = fromBuild(env)
    const [program, all] = before === undefined
      ? [command, args]
      : ['sh', ['-c', `${before} && exec "$0" "$@"`, command, ...args]] as const
    this.child = spawn(program, all, { env: whole, stdio: ['ignore', 'pipe', 'pipe'] })
    this.child.stdout!.on('data', (chunk: Buffer) => {
      this.stdout += String(chunk)
      this.#until.changed()
    })
    this.child.stderr!.on('data', (chunk: Buffer) => { this.stderr += String(chunk) })
    this.ended = once(this.child, 'close').then(([code, signal]) => ({ code, signal }))
    test.teardown(async () => {
      this.child.kill('SIGKILL')
      await this.ended
    })
  }

  /** Where it is, as soon as it is fit for traffic. */
  async ready (): Promise<{ http: string, ws: string }> {
    const port = await this.port()
    const http = `http://127.0.0.1:${port}`
    await eventually('ready', async () => (await fetch(`${http}/readyz`)).status === 200, 15_000)
    return { http, ws: `ws://127.0.0.1:${port}/ws` }
  }

  /** Resolves when this is in the log. */
  async says (text: string): Promise<void> {
    await this.#until.true(`it says ${text}`, () => this.stdout.includes(text))
  }

  /** The port that it says it listens on. */
  async port (): Promise<number> {
    await this.#until.true('the pages are announced', () => this.stdout.includes('/dashboard'), 15_000)
    return Number(/localhost:(\d+)\/chat/.exec(this.stdout)![1])
  }
}
