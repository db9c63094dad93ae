import { signToken } from '../src/auth/sign.ts'
import { HELP, readTokenCommand } from './token.ts'

/** `npm run token`: prints a token for development, and nothing else. */
try {
  const { secret, options, help } = readTokenCommand(process.argv.slice(2), process.env)
  process.stdout.write(help ? HELP : `${await signToken(secret, options)}\n`)
} catch (error) {
  process.stderr.write(`token: ${(error as Error).message}\nsee --help\n`)
  process.exitCode = 2
}
