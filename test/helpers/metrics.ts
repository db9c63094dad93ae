/** By series, without the prefix `tidegate_`. */
type Figures = ReadonlyMap<string, number>

/** What `/metrics` says. */
export async function figuresOf (http: string): Promise<Figures> {
  const text = await (await fetch(`${http}/metrics`)).text()
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => {
    const space = line.lastIndexOf(' ')
    return [line.slice(0, space).replace(/^tidegate_/, ''), Number(line.slice(space + 1))]
  }))
}

/**
 * What has been counted between the two: no bytes and no times. How many frames share a write is chance; `frames` are
 * both together.
 */
export function counted (before: Figures, after: Figures): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const [series, figure] of after) {
    if (/^(process|nodejs)_|_(sum|bucket|bytes|bytes_total)\b|event_loop|heap_used|probe_age/.test(series)) continue
    const name = /^(writes|merged_frames)_total$/.test(series) ? 'frames' : series
    const change = figure - (before.get(series) ?? 0)
    if (change !== 0) counts[name] = (counts[name] ?? 0) + change
  }
  return counts
}
