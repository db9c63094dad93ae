import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { FastifyPluginAsync, FastifyReply } from 'fastify'

const WEB = fileURLToPath(new URL('../web/', import.meta.url))

// For people.
const HIDDEN = { schema: { hide: true } }
// Their names have a hash of what is in them.
const FOR_EVER = { maxAge: '1y', immutable: true, preCompressed: true } as const

const NO_FILES = '<meta name="max-file-bytes" content="0">'

interface PagesOptions {
  /** Before each path of the gateway; empty for none. */
  readonly path: string
  /** The largest file that is taken; 0 where none are shared. */
  readonly maxFileBytes: number
}

/** Under a path, the chat at `/chat`, the dashboard at `/dashboard`, and what they load under `/assets/`. */
export const pageRoutes: FastifyPluginAsync<PagesOptions> = async (app, { path, maxFileBytes }) => {
  // Said in the page itself, so that it is there with it, also on a slow network.
  const chat = (await readFile(`${WEB}chat.html`, 'utf8')).replace(NO_FILES, NO_FILES.replace('0', String(maxFileBytes)))
  await app.register(fastifyStatic, { root: `${WEB}assets/`, prefix: '/assets/', index: false, redirect: false, ...FOR_EVER })
  app.get('/', HIDDEN, async (_request, reply) => await reply.redirect(`${path}/chat`))
  app.get('/chat', HIDDEN, async (_request, reply) =>
    await reply.header('cache-control', 'no-cache').type('text/html; charset=utf-8').send(chat))
  app.get('/dashboard', HIDDEN, async (_request, reply) => await sendPage(reply, 'dashboard.html'))
  app.get('/favicon.ico', HIDDEN, async (_request, reply) => await sendPage(reply, 'favicon.svg'))
}

// `no-cache` asks again each time: a page and its scripts always are of one release.
async function sendPage (reply: FastifyReply, file: string): Promise<FastifyReply> {
  const options = { maxAge: 0, immutable: false, cacheControl: false, preCompressed: false }
  return await reply.header('cache-control', 'no-cache').sendFile(file, WEB, options)
}
