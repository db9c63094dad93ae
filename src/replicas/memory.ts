import type { ReplicaReport, Replicas } from './replicas.ts'

/** The embedded stand-in for Redis: one replica, which knows itself. */
export class MemoryReplicas implements Replicas {
  #report: (() => ReplicaReport) | undefined

  start (report: () => ReplicaReport): void {
    this.#report = report
  }

  async list (): Promise<ReplicaReport[]> {
    return this.#report === undefined ? [] : [this.#report()]
  }

  async stop (): Promise<void> {
    this.#report = undefined
  }
}
