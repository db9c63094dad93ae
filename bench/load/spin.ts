/** Runs each turn of the event loop until it says false; meanwhile the process never sleeps: nobody has to wake it. */
export async function spin (turn: () => boolean, isDrowsy = false): Promise<void> {
  while (turn()) await new Promise((resolve) => { if (isDrowsy) setTimeout(resolve, 1); else setImmediate(resolve) })
}

/** The same for as long as something else takes. */
export async function spinUntil<Result> (promise: Promise<Result>): Promise<Result> {
  let isDone = false
  const done = promise.finally(() => { isDone = true })
  const spinning = spin(() => !isDone)
  const result = await done
  await spinning
  return result
}
