import { type Plot, short } from './result.ts'

const WIDTH = 720
const LABELS = 190
const VALUES = 90
const ROW = 30
const BAR = 18
const TOP = 44
const BOTTOM = 34
const TICKS = 4
const STYLE = 'text{font:13px system-ui,sans-serif;fill:#57606a}.title{font-weight:600;fill:#24292f}.grid{stroke:#d0d7de}' +
  '.bar{fill:#8c959f}.ours{fill:#0969da}@media(prefers-color-scheme:dark){text{fill:#9198a1}.title{fill:#f0f6fc}' +
  '.grid{stroke:#3d444d}.bar{fill:#656c76}.ours{fill:#4493f8}}'

/** Lying bars with an axis, as SVG, legible on light and on dark. What was not measured is left out. */
export function toSvg ({ title, unit, bars }: Plot): string {
  const shown = bars.filter(({ value }) => Number.isFinite(value))
  const bottom = TOP + shown.length * ROW
  const step = niceStep(Math.max(0, ...shown.map(({ value }) => value)) / TICKS)
  const end = step * Math.max(1, Math.ceil(Math.max(0, ...shown.map(({ value }) => value)) / step))
  const x = (value: number): number => round(LABELS + (WIDTH - LABELS - VALUES) * Math.max(0, value) / end)
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, index) => index * step)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + BOTTOM}" role="img" aria-label="${escape(title)}">`,
    `<style>${STYLE}</style>`,
    `<text class="title" x="0" y="18">${escape(title)}</text>`,
    ...ticks.map((tick) => `<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${TOP - 6}" y2="${bottom}"/>` +
      `<text x="${x(tick)}" y="${bottom + 18}" text-anchor="middle">${tickLabel(tick)}</text>`),
    `<text x="${WIDTH}" y="${bottom + 18}" text-anchor="end">${escape(unit)}</text>`,
    ...shown.map(({ name, value, isOurs = name.startsWith('Tidegate') }, index) => {
      const y = TOP + index * ROW
      const middle = y + BAR - 4
      return `<text x="${LABELS - 8}" y="${middle}" text-anchor="end">${escape(name)}</text>` +
        `<rect class="${isOurs ? 'bar ours' : 'bar'}" x="${LABELS}" y="${y}" width="${round(x(value) - LABELS)}" height="${BAR}" rx="2"/>` +
        `<text x="${round(x(value) + 6)}" y="${middle}">${short(value)}</text>`
    }),
    '</svg>\n'
  ].join('\n')
}

/** 1, 2 or 5 times a power of ten, at least so large. */
function niceStep (least: number): number {
  if (least <= 0) return 1
  const power = 10 ** Math.floor(Math.log10(least))
  return power * [1, 2, 5, 10].find((factor) => factor * power >= least)!
}

function tickLabel (value: number): string {
  if (value >= 1e6) return `${round(value / 1e6)} M`
  return value >= 1e4 ? `${round(value / 1e3)} k` : String(round(value))
}

function round (value: number): number {
  return Math.round(value * 100) / 100
}

function escape (text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;')
}
