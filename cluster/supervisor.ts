import type { Child } from './child.ts'
import type { Cluster } from './cluster.ts'

interface Service { readonly name: string, readonly child: () => Child, readonly start: () => Promise<void> }

interface SupervisorListener {
  onEnded (name: string, why: string): void
  onBack (name: string, pid: number): void
  /** What ended could not be started again. */
  onFailure (error: unknown): void
}

const RESTART_MS = 1_000

/** Starts again what ends without being asked to, as compose's `restart: unless-stopped` does. */
export class Supervisor {
  readonly #listener: SupervisorListener
  readonly #restarts = new Set<Promise<void>>()
  #isEnding = false

  constructor (cluster: Cluster, listener: SupervisorListener) {
    this.#listener = listener
    for (const service of servicesOf(cluster)) this.#watch(service)
  }

  /** From now on ends are meant. */
  letGo (): void {
    this.#isEnding = true
  }

  /** What was being started again when it was let go is up, or has failed. */
  async settled (): Promise<void> {
    await Promise.allSettled(this.#restarts)
  }

  #watch (service: Service): void {
    void service.child().ended.then(({ code, signal }) => {
      if (this.#isEnding) return
      this.#listener.onEnded(service.name, signal ?? `exit code ${code}`)
      setTimeout(() => { if (!this.#isEnding) this.#restart(service) }, RESTART_MS).unref()
    })
  }

  #restart (service: Service): void {
    const restart = service.start().then(() => {
      this.#listener.onBack(service.name, service.child().pid)
      this.#watch(service)
    }, (error: unknown) => { if (!this.#isEnding) this.#listener.onFailure(error) })
    this.#restarts.add(restart)
    void restart.finally(() => this.#restarts.delete(restart))
  }
}

function servicesOf ({ replicas, nginx, redis }: Cluster): Service[] {
  return [
    ...replicas.map((replica) => ({ name: replica.name, child: () => replica.child, start: () => replica.start() })),
    { name: 'nginx', child: () => nginx.child!, start: () => nginx.run() },
    ...(redis === undefined ? [] : [{ name: 'redis', child: () => redis.child!, start: () => redis.run() }])
  ]
}
