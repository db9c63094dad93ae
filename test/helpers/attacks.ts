import { constants, sign } from 'node:crypto'
import { EncryptJWT, importJWK, type JWK } from 'jose'
import type { Issuer } from './issuer.ts'
import { forge, nowS, part, SECRET } from './tokens.ts'

/** A token that nobody may be let in by. */
export interface Attack {
  readonly name: string
  readonly token: string
  /** Why it is refused: so that each is refused for what is wrong with it, and not for anything else. */
  readonly reason?: 'unauthenticated' | 'token_expired' | undefined
  readonly message?: RegExp | undefined
}

export const ISSUER = 'https://issuer.example'
export const AUDIENCE = 'tidegate'

const HS256 = { alg: 'HS256', typ: 'JWT' }

/** What a good token says: each attack changes one thing. */
export function goodClaims (): { sub: string, exp: number, iss: string, aud: string } {
  return { sub: 'ann', exp: nowS() + 3_600, iss: ISSUER, aud: AUDIENCE }
}

/** What is no token at all, or none of the right form. */
export function malformedTokens (): Attack[] {
  const good = forge(HS256, goodClaims())
  const [header, claims, signature] = good.split('.')
  const tokens: Readonly<Record<string, string>> = {
    empty: '',
    'a word': 'sesame',
    'one dot': '.',
    'two dots of nothing': '..',
    'parts that are no base64': '***.!!!.???',
    'base64 of no JSON': `${part('no JSON')}.${part('at all')}.${part('here')}`,
    'a header that is a list': `${part([HS256])}.${claims}.${signature}`,
    'a header that is null': `${part(null)}.${claims}.${signature}`,
    'a header in base64 twice': `${part(header!)}.${claims}.${signature}`,
    'claims that are a list, signed': forge(HS256, [goodClaims()]),
    'claims that are null, signed': forge(HS256, null),
    'claims that are text, signed': forge(HS256, '"ann"'),
    'claims that are no JSON, signed': forge(HS256, 'no JSON'),
    'four parts': `${good}.${signature}`,
    'five parts': `${good}.${signature}.${signature}`,
    'two parts': `${header}.${claims}`,
    'a good token twice': good + good,
    'a good token, and more': `${good} more`,
    '9 KB, well signed': forge(HS256, { ...goodClaims(), padding: 'x'.repeat(6_600) })
  }
  return Object.entries(tokens).map(([name, token]) => ({ name, token, message: /^token: (refused|missing)$/ }))
}

/** Signed as a good one, but what it says is wrong. */
export function wrongClaims (): Attack[] {
  const token = (name: string, change: object, message?: RegExp): Attack =>
    ({ name, token: forge(HS256, { ...goodClaims(), ...change }), message })
  const expired = (name: string, exp: number): Attack => ({ ...token(name, { exp }), reason: 'token_expired' })
  const sub = /^token: sub: /
  const exp = /^token: (exp: |refused)/
  const rooms = /^token: rooms: /
  const can = /^token: can: /
  const text = JSON.stringify({ ...goodClaims(), exp: 0 })
  return [
    expired('expired an hour ago', nowS() - 3_600),
    expired('expired just beyond the leeway', nowS() - 6),
    expired('expired in 1970', 0),
    expired('expired before 1970', -1),
    token('not valid for another minute', { nbf: nowS() + 60 }, /^token: nbf: /),
    token('nbf as text', { nbf: '0' }, /^token: (nbf: |refused)/),
    token('iat as text', { iat: 'now' }, /^token: (iat: |refused)/),
    token('no exp', { exp: undefined }, exp),
    token('exp as text', { exp: String(nowS() + 3_600) }, exp),
    token('exp null, as NaN is written', { exp: NaN }, exp),
    token('exp true', { exp: true }, exp),
    token('exp a list', { exp: [nowS() + 3_600] }, exp),
    { name: 'exp NaN, which is no JSON', token: forge(HS256, text.replace('"exp":0', '"exp":NaN')) },
    expired('exp below all numbers', -1e300),
    token('no sub', { sub: undefined }, sub),
    token('an empty sub', { sub: '' }, sub),
    token('sub a number', { sub: 7 }, sub),
    token('sub null', { sub: null }, sub),
    token('sub a list', { sub: ['ann'] }, sub),
    token('sub with a line end', { sub: 'ann\nbob' }, sub),
    token('sub with a NUL', { sub: 'ann\0' }, sub),
    token('sub with a DEL', { sub: 'ann\x7f' }, sub),
    token('sub with half a surrogate pair', { sub: 'ann\ud800' }, sub),
    token('sub too long', { sub: 'x'.repeat(129) }, sub),
    token('another issuer', { iss: 'https://evil.example' }, /^token: iss: not accepted$/),
    token('an issuer that begins alike', { iss: `${ISSUER}.evil` }, /^token: iss: not accepted$/),
    token('issuers as a list', { iss: [ISSUER] }, /^token: iss: not accepted$/),
    token('no issuer', { iss: undefined }, /^token: iss: missing$/),
    token('another audience', { aud: 'other' }, /^token: aud: not accepted$/),
    token('audiences without this one', { aud: ['other', 'tidegate2'] }, /^token: aud: not accepted$/),
    token('no audience', { aud: undefined }, /^token: aud: missing$/),
    token('rooms as text', { rooms: 'general' }, rooms),
    token('rooms as a list', { rooms: ['general'] }, rooms),
    token('rooms null', { rooms: null }, rooms),
    token('rooms with a star in the middle', { rooms: { 'a*b': ['join'] } }, rooms),
    token('rooms with two stars', { rooms: { '**': ['join'] } }, rooms),
    token('rooms with an empty name', { rooms: { '': ['join'] } }, rooms),
    token('rooms with a name of the gateway\'s own', { rooms: { $control: ['join', 'publish'] } }, rooms),
    token('rooms with a name that is none', { rooms: { 'a b': ['join'] } }, rooms),
    token('actions as text', { rooms: { general: 'join' } }, rooms),
    token('actions with a number', { rooms: { general: ['join', 1] } }, rooms),
    token('more patterns than anybody needs', {
      rooms: Object.fromEntries(Array.from({ length: 257 }, (_, n) => [`r${n}`, []]))
    }, rooms),
    token('can as text', { can: 'admin' }, can),
    token('can as an object', { can: { admin: true } }, can),
    token('can with a list in it', { can: [['admin']] }, can)
  ]
}

/** Signed with the shared secret wrongly, or not at all. */
export function wrongSignatures (): Attack[] {
  const claims = goodClaims()
  const good = forge(HS256, claims)
  const [header, , signature] = good.split('.')
  const tokens: Readonly<Record<string, string>> = {
    ...Object.fromEntries(['none', 'None', 'nOnE', 'NONE', 'none ', ''].flatMap((alg) => [
      [`alg ${JSON.stringify(alg)}, without a signature`, `${part({ alg })}.${part(claims)}.`],
      [`alg ${JSON.stringify(alg)}, signed with the secret`, forge({ alg }, claims)]
    ])),
    'no alg': forge({ typ: 'JWT' }, claims),
    'alg a list': forge({ alg: ['HS256'] }, claims),
    'alg in lower case': forge({ alg: 'hs256' }, claims),
    'no signature': `${header}.${part(claims)}.`,
    'the signature of another secret': forge(HS256, claims, 'x'.repeat(48)),
    'the signature of an empty secret': forge(HS256, claims, ''),
    'the signature of the secret in other bytes': forge(HS256, claims, Buffer.from(SECRET, 'base64')),
    'a truncated signature': good.slice(0, -8),
    'a signature with more behind it': `${good}AAAA`,
    'a signature of zeros': `${header}.${part(claims)}.${part('\0'.repeat(32))}`,
    'claims changed after signing': `${header}.${part({ ...claims, sub: 'root' })}.${signature}`,
    'rights added after signing': `${header}.${part({ ...claims, can: ['admin'] })}.${signature}`,
    'a header changed after signing': `${part({ ...HS256, kid: 'x' })}.${part(claims)}.${signature}`,
    'HS384 with the right secret': forge({ alg: 'HS384' }, claims),
    'HS512 with the right secret': forge({ alg: 'HS512' }, claims),
    'crit with a word that nobody knows': forge({ ...HS256, crit: ['exp2'], exp2: 1 }, claims),
    'crit with a word that is not there': forge({ ...HS256, crit: ['b64'] }, claims),
    'crit that is empty': forge({ ...HS256, crit: [] }, claims),
    'b64 false': forge({ ...HS256, crit: ['b64'], b64: false }, claims),
    'a kid that is a path, and an empty secret': forge({ ...HS256, kid: '../../../dev/null' }, claims, '')
  }
  return Object.entries(tokens).map(([name, token]) => ({ name, token, message: /^token: refused$/ }))
}

/** What is signed by an issuer's key, or pretends to be. */
export async function wrongKeys (issuer: Issuer, stranger: Issuer, evilUrl: string): Promise<Attack[]> {
  const claims = goodClaims()
  const jwk = stranger.jwks.keys.find(({ kid }) => kid === 'RS256')!
  const theirs = (header: object): Promise<string> => stranger.sign('RS256', claims, { ...header })
  const rsa = issuer.jwks.keys.find(({ kid }) => kid === 'RS256')!
  const pem = issuer.exported('RS256', 'pem')
  const body = (alg: string): string => `${part({ alg, kid: alg })}.${part(claims)}`
  const es256 = await issuer.sign('ES256', claims)
  const tokens: Readonly<Record<string, string>> = {
    'HS256 with the issuer\'s public key in PEM as the secret': forge(HS256, claims, pem),
    'the same, without the last line end': forge(HS256, claims, String(pem).trimEnd()),
    'the same, with the key\'s kid': forge({ ...HS256, kid: 'RS256' }, claims, pem),
    'HS256 with the public key in DER as the secret': forge(HS256, claims, issuer.exported('RS256', 'der')),
    'HS256 with the public JWK as the secret': forge({ ...HS256, kid: 'RS256' }, claims, JSON.stringify(rsa)),
    'HS256 with the modulus as the secret': forge({ ...HS256, kid: 'RS256' }, claims, rsa.n!),
    'RS256 of a stranger, with the issuer\'s kid': await theirs({}),
    'RS256 of a stranger, with an unknown kid': await theirs({ kid: 'other' }),
    'RS256 of a stranger, without a kid': await theirs({ kid: undefined }),
    'RS256 with a kid that is a number': await theirs({ kid: 1 }),
    'RS256 with the stranger\'s key in it': await theirs({ kid: undefined, jwk }),
    'RS256 with the stranger\'s key in it, and the issuer\'s kid': await theirs({ jwk }),
    'jku to the stranger\'s server': await theirs({ jku: evilUrl }),
    'jku to the stranger\'s server, with an unknown kid': await theirs({ kid: 'other', jku: evilUrl }),
    'x5u to the stranger\'s server': await theirs({ x5u: evilUrl }),
    'x5c with the stranger\'s key': await theirs({ x5c: [stranger.exported('RS256', 'der').toString('base64')] }),
    'HS256 with jku, signed with an empty secret': forge({ ...HS256, jku: evilUrl }, claims, ''),
    'RS256 whose kid is that of a key for ES256': await theirs({ kid: 'ES256' }),
    'ES256 with a signature of zeros': `${body('ES256')}.${part('\0'.repeat(64))}`,
    'EdDSA with a signature of zeros': `${body('EdDSA')}.${part('\0'.repeat(64))}`,
    'RS256 without a signature': `${body('RS256')}.`,
    'RS256 with the shared secret': forge({ alg: 'RS256', kid: 'RS256' }, claims),
    'ES256 changed after signing': es256.replace(/\.[^.]+\./, `.${part({ ...claims, sub: 'root' })}.`),
    'RS384 with the issuer\'s key': signed(issuer, 'RS384', claims),
    'PS256 with the issuer\'s key': signed(issuer, 'PS256', claims),
    'alg none with the issuer\'s kid': `${part({ alg: 'none', kid: 'RS256' })}.${part(claims)}.`,
    'a JWE for the issuer\'s key': await encrypted(rsa, 'RSA-OAEP-256'),
    'a JWE with the shared secret': await encrypted(SECRET.slice(0, 32), 'dir')
  }
  return Object.entries(tokens).map(([name, token]) => ({ name, token, message: /^token: refused$/ }))
}

/** With the RSA key of an issuer that is for RS256 alone. */
function signed (issuer: Issuer, alg: 'RS384' | 'PS256', claims: object): string {
  const text = `${part({ alg, kid: 'RS256' })}.${part(claims)}`
  const key = issuer.privateKey('RS256')
  const signature = alg === 'RS384'
    ? sign('sha384', Buffer.from(text), key)
    : sign('sha256', Buffer.from(text), { key, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 })
  return `${text}.${signature.toString('base64url')}`
}

async function encrypted (key: JWK | string, alg: string): Promise<string> {
  const imported = typeof key === 'string' ? Buffer.from(key) : await importJWK({ ...key, alg, use: 'enc' })
  return await new EncryptJWT(goodClaims()).setProtectedHeader({ alg, enc: 'A256GCM' }).encrypt(imported)
}
