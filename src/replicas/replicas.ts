/** What a replica tells of itself; others see it a moment later. */
export interface ReplicaReport {
  readonly replica: string
  /** WebSockets that are open. */
  readonly connections: number
  /** That have members here. */
  readonly rooms: number
  /** Of messages to members, since it began. */
  readonly deliveries: number
}

/** Which replicas there are, and how much each has to do. */
export interface Replicas {
  /** Tells of this one, again and again, until it is stopped. */
  start (report: () => ReplicaReport): void
  /** By name. Rejects with BrokerError. */
  list (): Promise<ReplicaReport[]>
  /** This one is gone. Never rejects. */
  stop (): Promise<void>
}
