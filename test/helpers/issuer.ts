import { KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'
import type { Test } from 'tap'

interface KeyPair { readonly publicKey: CryptoKey, readonly privateKey: CryptoKey }

/** A server that counts who comes, and answers as it is told. */
export class CountingServer {
  readonly #server: Server
  requests = 0
  respond: (response: ServerResponse) => void = (response) => { response.end() }

  protected constructor (server: Server) {
    this.#server = server
    server.on('request', (_request: IncomingMessage, response: ServerResponse) => {
      this.requests++
      this.respond(response)
    })
  }

  static async start (test: Test): Promise<CountingServer> {
    return new CountingServer(await listen(test))
  }

  get url (): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/jwks.json`
  }
}

async function listen (test: Test): Promise<Server> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  test.teardown(() => {
    server.close()
    server.closeAllConnections()
  })
  return server
}

/** An issuer of tokens, whose public keys are served over HTTP (RFC 7517). Each key's `kid` is its algorithm. */
export class Issuer extends CountingServer {
  readonly #pairs = new Map<string, KeyPair>()
  readonly jwks: { keys: JWK[] } = { keys: [] }

  static override async start (test: Test, algorithms = ['RS256', 'ES256', 'EdDSA']): Promise<Issuer> {
    const issuer = new Issuer(await listen(test))
    for (const algorithm of algorithms) await issuer.add(algorithm)
    issuer.serve()
    return issuer
  }

  /** Answers with the keys, as ever. */
  serve (): void {
    this.respond = (response) => {
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify(this.jwks))
    }
  }

  async add (alg: string, kid = alg): Promise<void> {
    const pair = await generateKeyPair(alg, { extractable: true })
    this.#pairs.set(kid, pair)
    this.jwks.keys.push({ ...await exportJWK(pair.publicKey), kid, alg, use: 'sig' })
  }

  /** The key is served no more. */
  withdraw (kid: string): void {
    this.jwks.keys = this.jwks.keys.filter((key) => key.kid !== kid)
  }

  /** A public key as other programs write it (SPKI). */
  exported (kid: string, format: 'pem' | 'der'): Buffer {
    const key = KeyObject.from(this.#pairs.get(kid)!.publicKey)
    return Buffer.from(key.export({ type: 'spki', format: format as 'pem' }))
  }

  privateKey (kid: string): KeyObject {
    return KeyObject.from(this.#pairs.get(kid)!.privateKey)
  }

  /** A token signed with the key of this `kid`. */
  async sign (kid: string, claims: JWTPayload, header: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const alg = this.jwks.keys.find((key) => key.kid === kid)?.alg ?? kid
    return await new SignJWT(claims).setProtectedHeader({ alg, kid, ...header }).sign(this.#pairs.get(kid)!.privateKey)
  }
}
