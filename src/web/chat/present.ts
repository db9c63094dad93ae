import { signal } from '@preact/signals'
import type { MemberList, MembersEvent } from '../../client/index.ts'

const MAX_NAMES = 200

/** Who is in a room: asked for on joining, and kept by what is told of those who come and go. */
export class Present {
  /** The room's rule tells nobody who is there. */
  readonly isSecret = signal(false)
  /** By name; empty before they are known. */
  readonly names = signal<readonly string[]>([])
  readonly count = signal(0)

  replace ({ count, members }: MemberList): void {
    this.isSecret.value = false
    this.#show(members.map(({ user }) => user), count)
  }

  change ({ joined, left, count }: MembersEvent): void {
    const gone = new Set(left)
    const names = new Set(this.names.peek().filter((name) => !gone.has(name)))
    for (const { user } of joined) names.add(user)
    this.#show([...names], count)
  }

  #show (names: string[], count: number): void {
    this.names.value = names.sort((a, b) => a.localeCompare(b)).slice(0, MAX_NAMES)
    this.count.value = count
  }
}
