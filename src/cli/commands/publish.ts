import { Argument, type Command, InvalidArgumentError } from 'commander'
import type { Io } from '../io.ts'
import { integerOf, roomOf, type TargetOptions, targetOf } from '../options.ts'
import { addTarget, addUser } from './outcome.ts'

const DEFAULT_TIMEOUT_S = 10
const MAX_TIMEOUT_S = 3_600

interface Flags extends TargetOptions {
  readonly timeout: number
  readonly json?: true
  readonly key?: string
  readonly quiet?: true
}

const ROOM = (): Argument => new Argument('<room>', 'its name').argParser(roomOf)

export function addSend (program: Command, io: Io): void {
  addAsking(program.command('send').addArgument(ROOM()).argument('[text]', 'what to say; left out, or -: each line of stdin')
    .summary('publish to a room')
    .description('Publishes to a room, and prints the number and the cursor that the message was stored under.'))
    .option('--json', 'the text, or each line, is JSON: an object, a number …')
    .option('-k, --key <key>', 'makes a retry safe: sent again within 5 minutes, it is stored once', keyOf)
    .option('-q, --quiet', 'prints nothing where all is well')
    .addHelpText('after', `
Examples:
  $ tidegate send general 'Hello'
  $ tidegate send orders --json '{"id":7,"state":"paid"}' --key order-7
  $ tail -f app.log | tidegate send logs --quiet

Lines are stored in their order, each before the next is sent; the first that is refused ends it, with its number.`)
    .action(async (room: string, text: string | undefined, flags: Flags) => {
      const { timeout: timeoutS, json, key, quiet } = flags
      const target = targetOf(flags, io.env)
      const { send } = await import('../publish.ts')
      await send(target, room, text, { timeoutS, isJson: json === true, key, isQuiet: quiet === true }, io)
    })
}

export function addBroadcast (program: Command, io: Io): void {
  addAsking(program.command('broadcast').argument('<text>', 'what to say')
    .summary('publish to every connection')
    .description('Publishes to every connection of every replica; a token must allow it (can: broadcast).'))
    .option('--json', 'the text is JSON')
    .option('-k, --key <key>', 'makes a retry safe', keyOf)
    .option('-q, --quiet', 'prints nothing where all is well')
    .addHelpText('after', `
Example:
  $ tidegate broadcast 'Maintenance at noon'`)
    .action(async (text: string, { timeout: timeoutS, json, key, quiet, ...flags }: Flags) => {
      const target = targetOf(flags, io.env)
      const { broadcast } = await import('../publish.ts')
      await broadcast(target, text, { timeoutS, isJson: json === true, key, isQuiet: quiet === true }, io)
    })
}

export function addMove (program: Command, io: Io): void {
  const delta = new Argument('<delta>', 'an integer; 0 tells where it stands').argParser(deltaOf)
  addAsking(program.command('move').addArgument(delta)
    .summary('move the shared car')
    .description('Adds to the shared position, and prints where it stands then.'))
    .option('--json', 'as JSON')
    .option('-k, --key <key>', 'makes a retry safe', keyOf)
    .addHelpText('after', `
Examples:
  $ tidegate move 50
  $ tidegate move -50`)
    .action(async (by: number, { timeout: timeoutS, json, key, ...flags }: Flags) => {
      const target = targetOf(flags, io.env)
      const { move } = await import('../publish.ts')
      await move(target, by, { timeoutS, isJson: json === true, key }, io)
    })
}

export function addMembers (program: Command, io: Io): void {
  addAsking(program.command('members').addArgument(ROOM())
    .summary('who is in a room')
    .description('Lists who is in a room, over all replicas, without joining it.'))
    .option('--json', 'as JSON, on one line')
    .addHelpText('after', `
Examples:
  $ tidegate members general
  $ tidegate members general --json | jq .count`)
    .action(async (room: string, { timeout: timeoutS, json, ...flags }: Flags) => {
      const target = targetOf(flags, io.env)
      const { members } = await import('../publish.ts')
      await members(target, room, { timeoutS, isJson: json === true }, io)
    })
}

function addAsking (command: Command): Command {
  return addUser(addTarget(command))
    .option('--timeout <s>', 'how long an answer may take', integerOf(1, MAX_TIMEOUT_S), DEFAULT_TIMEOUT_S)
}

function keyOf (text: string): string {
  if (text.length >= 1 && text.length <= 64) return text
  throw new InvalidArgumentError('It must have 1 to 64 characters.')
}

function deltaOf (text: string): number {
  return integerOf(-Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)(text)
}
