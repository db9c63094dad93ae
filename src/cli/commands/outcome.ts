import type { Command } from 'commander'
import type { ExitCode } from '../exit.ts'

/** How the command is to end; its action sets it. */
export interface Outcome { code: ExitCode }

/** The flags of every command that meets a gateway. */
export function addTarget (command: Command): Command {
  return command
    .option('-u, --url <url>', 'where the gateway is (default http://localhost:8080; TIDEGATE_URL)')
    .option('-t, --token <jwt>', 'who you are, and what you may do (better: TIDEGATE_TOKEN)')
}

export function addUser (command: Command): Command {
  return command.option('-n, --user <name>', 'the name to go by where no tokens are asked for (default: a guest\'s)')
}
