import type { Command } from 'commander'
import { type Io, write } from '../io.ts'
import { integerOf } from '../options.ts'
import { makeToken, MAX_LIFETIME_S, type TokenFlags } from '../token.ts'

const AFTER = `
AUTH_SECRET is the gateway's; AUTH_ISSUER and AUTH_AUDIENCE go into the token where they are set.

Examples:
  $ tidegate token --user ann --can broadcast,move
  $ export TIDEGATE_TOKEN="$(tidegate token --user ann --rooms '{"chat:*":["join","publish"]}')"

A page takes it as /chat#token=…`

export function addToken (program: Command, io: Io): void {
  program.command('token')
    .summary('make a token for development')
    .description('Makes a token (JWT, HS256) for development, signed with AUTH_SECRET as the gateway checks it.')
    .requiredOption('-n, --user <name>', 'who it is for: the claim sub')
    .option('--rooms <json>', 'such as \'{"chat:*":["join","publish"]}\' (default: all rooms, as their rules allow everyone)')
    .option('--can <words>', 'of broadcast,move,admin (default: none)')
    .option('--info <json>', 'what others in a room are told of the user, such as \'{"name":"Ann Lee"}\' (default: nothing)')
    .option('--lifetime <s>', 'seconds until it expires', integerOf(1, MAX_LIFETIME_S), 3_600)
    .addHelpText('after', AFTER)
    .action(async (flags: TokenFlags) => await write(io.stdout, `${await makeToken(flags, io.env)}\n`))
}
