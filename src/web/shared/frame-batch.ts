// A hidden tab draws no frames.
const HIDDEN_MS = 250

/** Runs a task once before the next frame is drawn, however often it is asked for until then. */
export function oncePerFrame (task: () => void): () => void {
  let isDue = false
  const run = (): void => {
    if (!isDue) return
    isDue = false
    task()
  }
  return () => {
    if (isDue) return
    isDue = true
    if (document.visibilityState === 'visible') requestAnimationFrame(run)
    // Also where it is hidden between the two.
    setTimeout(run, HIDDEN_MS)
  }
}
