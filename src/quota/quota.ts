/** How much was counted in the current window of time, and when the window ends. */
export interface Counted {
  readonly count: number
  readonly leftMs: number
}

/** What somebody has used up, over all replicas: a counter for each window of time. */
export interface Quota {
  /**
   * Counts `amount` more for a name. Its window begins with the first that is counted, and everything in it is
   * forgotten when it ends. Rejects with BrokerError.
   */
  add (name: string, amount: number, windowMs: number): Promise<Counted>
}
