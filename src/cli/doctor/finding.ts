/** `skipped`: it could not be looked at, and why. */
export type Level = 'ok' | 'warning' | 'fault' | 'skipped'

/** What one check has found. */
export interface Finding {
  /** What is checked, in a word or two; stable, for scripts. */
  readonly check: string
  readonly level: Level
  readonly message: string
  /** What to do about it. */
  readonly advice?: string
}

export function ok (check: string, message: string): Finding {
  return { check, level: 'ok', message }
}

export function warning (check: string, message: string, advice: string): Finding {
  return { check, level: 'warning', message, advice }
}

export function fault (check: string, message: string, advice: string): Finding {
  return { check, level: 'fault', message, advice }
}

export function skipped (check: string, message: string): Finding {
  return { check, level: 'skipped', message }
}
