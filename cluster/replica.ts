import { fileURLToPath } from 'node:url'
import { Child, type Ended } from './child.ts'
import { freePort } from './ports.ts'
import { eventually } from './until.ts'

/** What is run with which settings: `node dist/main.js`, or the same in an image. */
interface Launch { readonly command: string, readonly args: readonly string[], readonly env: NodeJS.ProcessEnv }

export type Launcher = (settings: Readonly<Record<string, string>>) => Launch

const MAIN = fileURLToPath(new URL('../src/main.js', import.meta.url))

/** The gateway that was compiled with this file. It sees these settings, and nothing else of our environment. */
export const fromBuild: Launcher = (settings) => {
  const { PATH, HOME, NODE_OPTIONS, ...rest } = process.env
  // The test runner's coverage travels in these.
  const coverage = Object.fromEntries(Object.entries(rest).filter(([name]) => /^(TAP|_TAP|NODE_V8)/.test(name)))
  const args = ['--enable-source-maps', MAIN]
  return { command: process.execPath, args, env: { PATH, HOME, NODE_OPTIONS, ...coverage, ...settings } }
}

/** One gateway process of a cluster. It keeps its port when it is started again. */
export class Replica {
  readonly name: string
  readonly #launcher: Launcher
  readonly #settings: Readonly<Record<string, string>>
  readonly #onLine: (line: string) => void
  #child: Child | undefined
  #port = 0

  constructor (
    name: string, launcher: Launcher, settings: Readonly<Record<string, string>>, onLine: (line: string) => void
  ) {
    this.name = name
    this.#launcher = launcher
    this.#settings = settings
    this.#onLine = onLine
  }

  get port (): number {
    return this.#port
  }

  get http (): string {
    return `http://127.0.0.1:${this.#port}`
  }

  get child (): Child {
    if (this.#child === undefined) throw new Error(`${this.name} was not started`)
    return this.#child
  }

  /** Resolves when it is fit for traffic. */
  async start (): Promise<void> {
    const port = this.#port === 0 ? await freePort() : this.#port
    const { command, args, env } = this.#launcher({
      ...this.#settings, REPLICA: this.name, HOST: '127.0.0.1', PORT: String(port)
    })
    this.#child = await Child.spawn(command, args, { env, onLine: this.#onLine })
    await this.#child.says(/localhost:\d+\/chat/)
    this.#port = port
    await eventually(`${this.name} is ready`, async () => (await fetch(`${this.http}/readyz`)).status === 200, 15_000)
  }

  /** Asks it to end, and waits for that; nothing where it does not run. */
  async stop (signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended | undefined> {
    return await this.#child?.end(signal)
  }
}
