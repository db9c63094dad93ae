import { readdir, readFile } from 'node:fs/promises'

// `getconf CLK_TCK`: 100 on every Linux that Node runs on.
const TICKS_PER_SECOND = 100

/** The CPU time that a process has used, its threads and the kernel's work for it included. Microseconds; Linux. */
export async function cpuUs (pid: number): Promise<number> {
  return await preciseUs(pid).catch(async () => await ticksUs(pid))
}

/** For how long its threads could have run, but others did. Microseconds; Linux, 0 where the kernel does not count. */
export async function waitedUs (pid: number): Promise<number> {
  return (await scheduledUs(pid)).waited
}

async function preciseUs (pid: number): Promise<number> {
  const { ran } = await scheduledUs(pid)
  if (ran === 0) throw new Error('the kernel does not count')
  return ran
}

/** By the scheduler's own count, in nanoseconds; not every kernel keeps it. */
async function scheduledUs (pid: number): Promise<{ ran: number, waited: number }> {
  const threads = await readdir(`/proc/${pid}/task`)
  const times = await Promise.all(threads.map(async (thread) => {
    const stat = await readFile(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').catch(() => '0 0')
    return stat.split(' ').map((ns) => Number(ns) / 1_000) as [number, number]
  }))
  return {
    ran: times.reduce((sum, [ran]) => sum + ran, 0),
    waited: times.reduce((sum, [, waited]) => sum + waited, 0)
  }
}

async function ticksUs (pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8')
  // proc(5): the name may hold spaces and brackets, so the fields are counted from behind it; utime and stime.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 1e6 / TICKS_PER_SECOND
}
