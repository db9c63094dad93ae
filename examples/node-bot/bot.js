// A bot that answers `!ping`, each once: also what was said while it was away, and whenever it is killed.
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { connect } from 'tidegate/client'

const { GATEWAY = 'ws://localhost:8080/ws', ROOM = 'general', TOKEN, CURSOR_FILE = 'bot.cursor' } = process.env

const client = connect(GATEWAY, { user: 'bot', token: TOKEN })
client.on('state', ({ state, error }) => console.log(error === undefined ? state : `${state}: ${error.message}`))
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => client.close())

const since = existsSync(CURSOR_FILE) ? readFileSync(CURSOR_FILE, 'utf8') : undefined
const room = client.room(ROOM, { since })
// Its very first start: what is said from here on is its own.
const stop = room.on('joined', ({ cursor }) => {
  if (since === undefined) keep(cursor)
  stop()
})
room.on('gap', ({ reason }) => console.log(`something is missing: ${reason}`))

for await (const { from, content, cursor } of room) {
  if (content === '!ping') {
    // The key is the question's: who is killed before the cursor is kept answers again, and the gateway knows it.
    const { duplicate } = await room.publish(`pong, ${from}`, { key: `pong:${cursor}` })
    console.log(duplicate ? 'had answered' : 'answered', from)
  }
  keep(cursor)
}

/** @param {string | undefined} cursor */
function keep (cursor) {
  if (cursor === undefined) return
  // Half a file is never seen.
  writeFileSync(`${CURSOR_FILE}.new`, cursor)
  renameSync(`${CURSOR_FILE}.new`, CURSOR_FILE)
}
