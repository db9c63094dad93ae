/**
 * A place in a room's log: the log's epoch, the entry's number and its random id. The id notices a log that
 * was rewound or forked by a failover even where epoch and number look right (docs/adr/0002).
 */
export interface Cursor {
  readonly epoch: string
  readonly seq: number
  readonly id: string
}

const FORM = /^([A-Za-z0-9_-]{1,32})\.(0|[1-9][0-9]{0,15})\.([A-Za-z0-9_-]{1,32})$/

/** The opaque string that clients keep: `epoch.seq.id`. */
export function formatCursor (cursor: Cursor): string {
  return `${cursor.epoch}.${cursor.seq}.${cursor.id}`
}

/** Undefined where the text is not of the form, or its number is no safe integer. */
export function parseCursor (text: string): Cursor | undefined {
  const match = FORM.exec(text)
  if (match === null) return undefined
  const seq = Number(match[2])
  return Number.isSafeInteger(seq) ? { epoch: match[1]!, seq, id: match[3]! } : undefined
}

export function sameCursor (a: Cursor, b: Cursor): boolean {
  return a.seq === b.seq && a.id === b.id && a.epoch === b.epoch
}
