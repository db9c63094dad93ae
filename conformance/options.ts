import { parseArgs } from 'node:util'

export const HELP = `Tries how a running server keeps the WebSocket protocol (RFC 6455), from raw sockets: some 400 cases,
most of them after Autobahn's.

  npm run conformance -- [URL] [--token t] [--only id]... [--echo] [--verbose]

  URL        the gateway's, as ws://host:port/ws or wss://… (default ws://localhost:8080/ws)
  --token t  for a gateway with tokens (npm run token)
  --only id  the case or cases with this id: 5.6, or 6.23, or 7; may repeat
  --echo     the server sends every message back; nothing is asked of its limits, nor of the gateway's protocol
  --verbose  every case by its words, not only those that fail
  --help     this

For a certificate of one's own: NODE_EXTRA_CA_CERTS=ca.pem. Where an address may come only so often, it waits as it is told.
Exit code 0 where every case passes, 1 where one does not, 2 where it was called wrongly or nobody answers.
`

export interface Options {
  readonly url: URL
  readonly token: string | undefined
  readonly only: readonly string[]
  readonly isEcho: boolean
  readonly isVerbose: boolean
  readonly isHelp: boolean
}

/**
 * Reads the command line.
 * @throws Error of one line that names what is wrong
 */
export function readOptions (args: readonly string[]): Options {
  const { values, positionals } = parse(args)
  const [url = 'ws://localhost:8080/ws', ...more] = positionals
  if (more.length > 0) throw new Error(`${more[0]}: one URL is enough`)
  if (values.token !== undefined && !/^[\x21-\x7e]+$/.test(values.token)) throw new Error('--token: not a token')
  for (const id of values.only) {
    if (/^[0-9A-Z]+(\.[0-9]+)*$/.test(id)) continue
    throw new Error(`--only: must be an id such as 5.6 or H.1, not ${JSON.stringify(id)}`)
  }
  return {
    url: readUrl(url),
    token: values.token,
    only: values.only,
    isEcho: values.echo,
    isVerbose: values.verbose,
    isHelp: values.help
  }
}

const KNOWN = {
  token: { type: 'string' },
  only: { type: 'string', multiple: true, default: [] as string[] },
  echo: { type: 'boolean', default: false },
  verbose: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false }
} as const

type Parsed = ReturnType<typeof parseArgs<{ allowPositionals: true, options: typeof KNOWN }>>

function parse (args: readonly string[]): Parsed {
  try {
    return parseArgs({ args: [...args], allowPositionals: true, options: KNOWN })
  } catch (error) {
    throw new Error((error as Error).message.split(/\. |\n/, 1)[0])
  }
}

function readUrl (text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url === undefined || !/^wss?:$/.test(url.protocol) || url.hostname === '') {
    throw new Error(`URL: must be ws://host:port/path or wss://…, not ${JSON.stringify(text)}`)
  }
  if (url.username !== '' || url.hash !== '') throw new Error('URL: neither a user nor a # belongs in it')
  return url
}
