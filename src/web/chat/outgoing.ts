import { signal } from '@preact/signals'
import { type Receipt, TidegateError } from '../../client/index.ts'

/** Something of ours that is not stored yet. */
export interface Outgoing {
  readonly key: string
  readonly kind: 'message' | 'announcement'
  readonly content: unknown
  readonly timestamp: string
  /** Why it failed. It can be sent again with the same key: it cannot appear twice. */
  readonly failed?: string | undefined
}

type Publish = (outgoing: Outgoing) => Promise<Receipt>

/** What was written, and is shown before the gateway has it. */
export class Outbox {
  readonly all = signal<readonly Outgoing[]>([])

  async send (outgoing: Outgoing, publish: Publish, onStored: (receipt: Receipt) => void): Promise<void> {
    this.#put({ ...outgoing, failed: undefined })
    try {
      const receipt = await publish(outgoing)
      this.drop(outgoing.key)
      onStored(receipt)
    } catch (error) {
      this.#put({ ...outgoing, failed: whyOf(error) })
    }
  }

  drop (key: string): void {
    this.all.value = this.all.peek().filter((one) => one.key !== key)
  }

  #put (outgoing: Outgoing): void {
    const before = this.all.peek()
    const isHere = before.some(({ key }) => key === outgoing.key)
    this.all.value = isHere ? before.map((one) => one.key === outgoing.key ? outgoing : one) : [...before, outgoing]
  }
}

function whyOf (error: unknown): string {
  if (!(error instanceof TidegateError)) return 'Not sent'
  return `${error.isUnknown ? 'Perhaps not sent' : 'Not sent'}: ${error.message}`
}
