import { readFile } from 'node:fs/promises'

// `getconf CLK_TCK`: 100 on every Linux that Node runs on.
const TICKS_PER_SECOND = 100

/** The CPU time that a process has used, its threads and the kernel's work for it included. Microseconds; Linux. */
export async function cpuUs (pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // proc(5): the name may hold spaces and brackets, so the fields are counted from behind it; utime and stime.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 1e6 / TICKS_PER_SECOND
}
