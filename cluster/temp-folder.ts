import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const folders = new Set<string>()

/** A folder of one's own; it is gone at the latest when this process ends. */
export async function makeTempFolder (purpose: string): Promise<string> {
  if (folders.size === 0) process.once('exit', removeAll)
  const folder = await mkdtemp(join(tmpdir(), `tidegate-${purpose}-`))
  folders.add(folder)
  return folder
}

export async function removeTempFolder (folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true })
  folders.delete(folder)
  if (folders.size === 0) process.off('exit', removeAll)
}

function removeAll (): void {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}
