// Loaded into a server that is measured (node --expose-gc --import): on SIGWINCH it collects its garbage, and says what
// it holds.
// Few servers listen to that signal (close-with-grace ends by SIGUSR2), and one that does not is not ended by it.
const ROUNDS = 4

let times = 0

process.on('SIGWINCH', () => { void collect() })

async function collect (): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    (globalThis as unknown as { gc: () => void }).gc()
    // Finalizers run in turns of their own.
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const { rss, heapUsed, external } = process.memoryUsage()
  process.stderr.write(`memory ${++times} ${JSON.stringify({ rssBytes: rss, heldBytes: heapUsed + external })}\n`)
}
