import { Argument, type Command } from 'commander'
import { completionFor, SHELLS, type Shell } from '../completion.ts'
import { type Io, write } from '../io.ts'

const AFTER = `
Examples:
  $ source <(tidegate completion bash)                                      # in ~/.bashrc
  $ tidegate completion zsh > "\${fpath[1]}/_tidegate"                       # then a new shell
  $ tidegate completion fish > ~/.config/fish/completions/tidegate.fish`

export function addCompletion (program: Command, io: Io): void {
  program.command('completion')
    .addArgument(new Argument('<shell>', 'which shell').choices(SHELLS))
    .summary('completion of commands and flags for a shell')
    .description('Prints a script that teaches a shell to complete commands and flags.')
    .addHelpText('after', AFTER)
    .action(async (shell: Shell) => await write(io.stdout, completionFor(shell, program)))
}
