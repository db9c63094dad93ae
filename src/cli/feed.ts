import type { Gap, MemberEvent, Message, Signal } from '../client/index.ts'
import { fit, type Paint, printable, safeJson, widthOf, wrap } from './terminal.ts'

type Format = Parameters<Paint>[0]

const NAME_COLOURS: readonly Format[] = ['cyan', 'green', 'yellow', 'blue', 'magenta', 'cyanBright', 'greenBright', 'magentaBright']
const LEAST_NAME = 6
const MOST_NAME = 20
const TIME_COLUMNS = 8

/** What happens in a room, a line each, for people: whatever strangers wrote is made safe for a terminal. */
export class Feed {
  readonly #paint: Paint
  readonly #columns: number
  #nameColumns = LEAST_NAME

  constructor (paint: Paint, columns: number) {
    this.#paint = paint
    this.#columns = columns
  }

  message ({ from, content, timestamp }: Message | Signal, isEphemeral = false): string {
    const text = textOf(content)
    return this.#line(timestamp, printable(from), isEphemeral ? this.#paint('dim', text) : text, colourOf(from))
  }

  broadcast ({ from, content, timestamp }: Message): string {
    return this.#line(timestamp, printable(from), this.#paint('bold', `to all: ${textOf(content)}`), colourOf(from))
  }

  member ({ event, user, count, timestamp }: MemberEvent): string {
    const [mark, verb] = event === 'join' ? ['+', 'comes'] : ['-', 'goes']
    return this.#line(timestamp, mark, this.#paint('dim', `${printable(user)} ${verb} (${count} here)`), 'dim')
  }

  gap ({ reason, missed, healed }: Gap): string {
    const what = healed
      ? `a hole (${reason}): fetched from the log, nothing is missing`
      : `something is missing here: ${reason}${missed === undefined ? '' : `, ${missed} messages`}`
    return `${this.#paint('yellow', `${'─'.repeat(TIME_COLUMNS)}  ${what}`)}\n`
  }

  #line (timestamp: string, name: string, text: string, colour: Format): string {
    this.#nameColumns = Math.min(MOST_NAME, Math.max(this.#nameColumns, widthOf(name)))
    const indent = TIME_COLUMNS + 2 + this.#nameColumns + 2
    const head = `${this.#paint('dim', timeOf(timestamp))}  ${this.#paint(colour, fit(name, this.#nameColumns))}  `
    return `${head}${text.split('\n').map((line) => wrap(line, this.#columns, indent)).join(`\n${' '.repeat(indent)}`)}\n`
  }
}

/** Of a text its lines, each safe; of anything else its JSON. */
function textOf (content: unknown): string {
  if (typeof content !== 'string') return safeJson(content)
  return content.split(/\r?\n/).map(printable).join('\n')
}

/** The same name has the same colour, everywhere. */
function colourOf (name: string): Format {
  let hash = 0
  for (const char of name) hash = (hash * 31 + char.codePointAt(0)!) >>> 0
  return NAME_COLOURS[hash % NAME_COLOURS.length]!
}

/** By this machine's clock and zone. */
function timeOf (timestamp: string): string {
  const date = new Date(timestamp)
  return Number.isNaN(date.getTime()) ? ' '.repeat(TIME_COLUMNS) : date.toTimeString().slice(0, TIME_COLUMNS)
}
