// Loaded into a server that is measured (node --expose-gc --import): on SIGUSR2 it collects its garbage, and says what
// it holds.
const ROUNDS = 4

process.on('SIGUSR2', () => { void collect() })

async function collect (): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    (globalThis as unknown as { gc: () => void }).gc()
    // Finalizers run in turns of their own.
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  process.stderr.write(`memory ${JSON.stringify({ rss, heapUsed, external, pid: process.pid })}\n`)
}
