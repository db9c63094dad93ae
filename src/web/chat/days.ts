const time = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' })
const day = new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' })
const dayAndYear = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'long', year: 'numeric' })
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'medium' })

export function timeText (timestamp: string): string {
  return time.format(new Date(timestamp))
}

export function wholeText (timestamp: string): string {
  return whole.format(new Date(timestamp))
}

/** Whether a new day began between the two, where the reader is. */
export function isAnotherDay (before: string | undefined, after: string): boolean {
  return before === undefined || new Date(before).toDateString() !== new Date(after).toDateString()
}

export function dayText (timestamp: string, now = new Date()): string {
  const date = new Date(timestamp)
  if (date.toDateString() === now.toDateString()) return 'Today'
  // Not 24 hours ago: days are longer or shorter where clocks are set.
  const yesterday = new Date(now.getFullYear(), now.getMonth(), now.getDate() - 1)
  if (date.toDateString() === yesterday.toDateString()) return 'Yesterday'
  return (date.getFullYear() === now.getFullYear() ? day : dayAndYear).format(date)
}
