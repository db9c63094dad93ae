import { randomBytes } from 'node:crypto'
import type { DiskOptions } from './files/disk.ts'
import type { S3Options } from './files/s3.ts'
import { limit, MIN_SECRET_BYTES, type Settings } from './settings.ts'

/** Where shared files are kept, and how many. */
export interface FilesConfig {
  readonly store: { readonly disk: DiskOptions } | { readonly s3: S3Options }
  readonly maxBytes: number
  readonly perMinute: number
  /** Undefined where replicas have none in common. */
  readonly secret: string | undefined
}

/** Undefined where no files are shared: FILES says so, or replicas would have no place in common. */
export function readFiles (settings: Settings, problems: string[]): FilesConfig | undefined {
  const { FILES: files, FILES_DIR: dir, FILES_S3_URL: url, FILES_SECRET: given } = settings
  if (given !== undefined && Buffer.byteLength(given.trim()) < MIN_SECRET_BYTES) {
    problems.push(`FILES_SECRET: must be at least ${MIN_SECRET_BYTES} bytes (openssl rand -base64 48 makes one)`)
  }
  const s3 = readS3(settings, problems)
  if (dir !== undefined && url !== undefined) problems.push('FILES_DIR: not together with FILES_S3_URL')
  const hasRedis = (settings.REDIS_URL ?? settings.REDIS_ADDR) !== undefined
  if (files === 'off' || (hasRedis && dir === undefined && s3 === undefined)) return undefined
  const disk = { dir, maxBytes: limit(settings.FILES_MAX_BYTES), maxAgeMs: limit(settings.FILES_MAX_AGE_MS) }
  return {
    store: s3 === undefined ? { disk } : { s3 },
    maxBytes: settings.FILE_MAX_BYTES,
    perMinute: limit(settings.RATE_FILES),
    // One replica alone needs none that others know.
    secret: given ?? settings.AUTH_SECRET ?? (hasRedis ? undefined : randomBytes(MIN_SECRET_BYTES).toString('base64'))
  }
}

function readS3 (settings: Settings, problems: string[]): S3Options | undefined {
  const { FILES_S3_URL: url, FILES_S3_KEY_ID: keyId, FILES_S3_SECRET: secret, FILES_S3_REGION: region } = settings
  if (url === undefined) {
    if (keyId !== undefined) problems.push('FILES_S3_KEY_ID: needs FILES_S3_URL')
    if (secret !== undefined) problems.push('FILES_S3_SECRET: needs FILES_S3_URL')
    return undefined
  }
  if (keyId === undefined) problems.push('FILES_S3_KEY_ID: needed with FILES_S3_URL')
  if (secret === undefined) problems.push('FILES_S3_SECRET: needed with FILES_S3_URL')
  // It may hold a password, and is not repeated.
  if (!isBucket(url)) problems.push('FILES_S3_URL: must be https://host/bucket (or http://… in a network that can be trusted)')
  return keyId === undefined || secret === undefined ? undefined : { url: url.replace(/\/+$/, ''), region, keyId, secret }
}

function isBucket (text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, username, password, pathname, search, hash } = new URL(text)
  return /^https?:$/.test(protocol) && `${username}${password}${search}${hash}` === '' && pathname !== '/'
}
