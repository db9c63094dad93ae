import type { Log } from '../log/log.ts'
import { type Cursor, sameCursor } from '../protocol/cursor.ts'
import type { Entry } from '../protocol/entry.ts'
import { POSITION } from '../protocol/rooms.ts'
import type { Position } from './position.ts'

/**
 * The car stands somewhere even before its first move: what its room says then. Since when, is when the log began.
 * @param top the place of the empty log
 * @returns undefined where the car has moved meanwhile: then that has been told
 */
export async function stillEntry (position: Position, log: Log, top: Cursor): Promise<Entry | undefined> {
  const content = Buffer.from(String(await position.get()))
  const { top: now, timestampMs } = await log.open(POSITION, 0, 0)
  if (!sameCursor(now, top)) return undefined
  return { ...top, prev: '', timestampMs, from: '""', content, except: undefined }
}
