import { Argument, type Command } from 'commander'
import type { Io } from '../io.ts'
import { integerOf, roomOf, type TargetOptions, targetOf } from '../options.ts'
import { addTarget, addUser, type Outcome } from './outcome.ts'

const MAX_HISTORY = 200

const AFTER = `
Messages go to stdout, how it stands with the connection to stderr. It comes back by itself, and misses nothing meanwhile, or
says what is missing. Ctrl-C ends it, and tells the cursor to go on from with --since.

Examples:
  $ tidegate join general --history 20
  $ tidegate join general --json | jq -r 'select(.type == "message") | .content'
  $ tidegate join general --json --count 1          the next message, and done

With --json: joined, message, system (who comes and goes), gap and broadcast, one a line, as docs/protocol.md has them.`

interface Flags extends TargetOptions {
  readonly history: number
  readonly since?: string
  readonly count: number
  readonly json?: true
}

export function addJoin (program: Command, io: Io, outcome: Outcome): void {
  addUser(addTarget(program.command('join').summary('follow a room')
    .description('Joins a room, and shows what is said in it, who comes and goes, and broadcasts.')
    .addArgument(new Argument('<room>', 'its name').argParser(roomOf))))
    .option('--history <n>', 'begin with the newest n messages', integerOf(0, MAX_HISTORY), 0)
    .option('--since <cursor>', 'begin after this one: of a message, or of the last time')
    .option('--count <n>', 'end after so many messages', integerOf(1, Number.MAX_SAFE_INTEGER))
    .option('--json', 'one frame a line, for other programs')
    .addHelpText('after', AFTER)
    .action(async (room: string, { history, since, count = Infinity, json, ...flags }: Flags) => {
      const target = targetOf(flags, io.env)
      const { followRoom } = await import('../join.ts')
      outcome.code = await followRoom(target, room, { history, since, count, isJson: json === true }, io)
    })
}
