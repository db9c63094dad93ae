import type { Log } from '../log/log.ts'
import type { Cursor } from '../protocol/cursor.ts'
import type { Entry } from '../protocol/entry.ts'
import { POSITION } from '../protocol/rooms.ts'
import type { Position } from './position.ts'

/**
 * The car stands somewhere even before its first move: what its room says then. Since when, is when the log began.
 * @param top the place of the empty log
 */
export async function stillEntry (position: Position, log: Log, top: Cursor): Promise<Entry> {
  const content = Buffer.from(String(await position.get()))
  const { timestampMs } = await log.open(POSITION, 0, 0)
  return { ...top, prev: '', timestampMs, from: '""', content, except: undefined }
}
