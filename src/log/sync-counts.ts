/** What keeping rooms in step with their logs took. Read when somebody asks. */
export class SyncCounts {
  /** A hole, another log or a lost subscription: the log was read for the whole room. */
  repairs = 0
}
