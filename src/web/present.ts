import type { Frame } from './frames.ts'

const NAMES = 20

/** Who is in a room, as a line of text: asked for on joining, and kept by what is told of those who come and go. */
export class Present {
  private readonly users = new Set<string>()
  private count = 0

  /** The answer to `members`, which is the truth. */
  members (frame: Frame): void {
    this.users.clear()
    for (const { user } of frame.members ?? []) this.users.add(user)
    this.count = frame.count ?? 0
  }

  system (frame: Frame): void {
    if (frame.event === 'join' && frame.user !== undefined) this.users.add(frame.user)
    if (frame.event === 'leave' && frame.user !== undefined) this.users.delete(frame.user)
    for (const user of frame.left ?? []) this.users.delete(user)
    for (const one of frame.joined ?? []) this.users.add(typeof one === 'string' ? one : one.user)
    this.count = frame.count ?? this.count
  }

  /** Nothing where it is not known. */
  get text (): string {
    if (this.count === 0) return ''
    const names = [...this.users].sort((a, b) => a.localeCompare(b)).slice(0, NAMES)
    const more = this.count - names.length
    return `${this.count} here: ${names.join(', ')}${more > 0 ? ` and ${more} more` : ''}`
  }
}
