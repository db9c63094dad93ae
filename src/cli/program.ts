import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addBench } from './commands/bench.ts'
import { addCompletion } from './commands/completion.ts'
import { addDoctor } from './commands/doctor.ts'
import { addJoin } from './commands/join.ts'
import type { Outcome } from './commands/outcome.ts'
import { addBroadcast, addMembers, addMove, addSend } from './commands/publish.ts'
import { addServe } from './commands/serve.ts'
import { addToken } from './commands/token.ts'
import type { Io } from './io.ts'
import { columnsOf, paintFor } from './terminal.ts'

const HELP_COLUMNS = 100

const AFTER = `
Examples:
  $ tidegate serve                                  a gateway on port 8080, with the embedded broker
  $ tidegate serve --redis redis://localhost:6379   one of several replicas
  $ tidegate join general                           follows a room
  $ tidegate send general 'Hello'                   publishes to it
  $ tidegate doctor --url https://rt.example.org    looks a deployment over, and says what to do
  $ tidegate bench http://localhost:8080            what it holds, at first sight

Environment:
  TIDEGATE_URL    where the gateway is, where --url is not given
  TIDEGATE_TOKEN  the token, where --token is not given; better than a flag, which everyone on the machine can read
  NO_COLOR        no colours (FORCE_COLOR: colours in pipes, too)

Exit codes:
  0    done
  1    failed: the gateway refused, or something is wrong, or was lost
  2    a flag, an argument or a setting is wrong; nothing was done
  3    no gateway could be reached, or it broke off
  4    no token, one that is not accepted, or one that does not allow this
  130  ended by Ctrl-C: 128 and the number of the signal, as in a shell
  141  whoever read the output has gone (\`| head\`), as with any other program

docs/cli.md shows every command with its output.`

/** All commands. What they need is loaded when they run, so that help and completion come at once. */
export function createProgram (io: Io, outcome: Outcome): Command {
  const program = new Command('tidegate')
    .description('A realtime gateway from the command line: run one, talk to one, look at one.')
    .version(readVersion(), '-V, --version', 'the version of this command')
    .helpOption('-h, --help', 'what there is, or what a command takes')
    .helpCommand('help [command]', 'what there is, or what a command takes')
    .addHelpText('after', AFTER)
    .exitOverride()
  dress(program, io)
  addServe(program, io)
  addJoin(program, io, outcome)
  addSend(program, io)
  addBroadcast(program, io)
  addMove(program, io)
  addMembers(program, io)
  addToken(program, io)
  addDoctor(program, io, outcome)
  addBench(program, io, outcome)
  addCompletion(program, io)
  return program
}

/** Where commander writes, how wide, and in which colours; its commands inherit it. */
function dress (program: Command, { stdout, stderr, env }: Io): void {
  const paint = paintFor(stdout, env)
  program.configureOutput({
    writeOut: (text) => { stdout.write(text) },
    writeErr: (text) => { stderr.write(text) },
    outputError: (text, write) => write(text.replace(/^error: /, 'tidegate: ')),
    getOutHelpWidth: () => Math.min(HELP_COLUMNS, columnsOf(stdout)),
    getErrHelpWidth: () => Math.min(HELP_COLUMNS, columnsOf(stderr)),
    // paintFor decides.
    getOutHasColors: () => true,
    getErrHasColors: () => true
  })
  program.configureHelp({
    showGlobalOptions: false,
    styleTitle: (text) => paint('bold', text),
    styleSubcommandText: (text) => paint('cyan', text),
    styleOptionText: (text) => paint('cyan', text),
    styleArgumentText: (text) => paint('cyan', text)
  })
}

/** Of the package. dist/cli/ is in it, and so is the tests' build/src/cli/. */
function readVersion (): string {
  for (const path of ['../../package.json', '../../../package.json']) {
    try {
      const { name, version } = JSON.parse(readFileSync(new URL(path, import.meta.url), 'utf8')) as { name: string, version: string }
      if (name === 'tidegate') return version
    } catch {
      // It is the other one.
    }
  }
  return 'unknown'
}
