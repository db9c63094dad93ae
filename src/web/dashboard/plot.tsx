import 'uplot/dist/uPlot.min.css'
import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import UPlot from 'uplot'
import { isDark } from '../shared/theme.ts'
import { position, track } from './car.ts'
import { SPAN_S } from './history.ts'

const EVERY_MS = 250
const HEIGHT = 200

/** The car's position over the last minute. */
export function Plot (): JSX.Element {
  const place = useRef<HTMLDivElement>(null)
  const dark = isDark()
  useEffect(() => {
    const box = place.current!
    const plot = new UPlot(optionsFor(box), [[], []], box)
    const draw = (): void => {
      if (document.visibilityState !== 'visible') return
      const nowS = Date.now() / 1000
      plot.setData(track.points(nowS), false)
      plot.setScale('x', { min: nowS - SPAN_S, max: nowS })
    }
    draw()
    const timer = setInterval(draw, EVERY_MS)
    const resizes = new ResizeObserver(() => plot.setSize({ width: box.clientWidth, height: HEIGHT }))
    resizes.observe(box)
    return () => {
      clearInterval(timer)
      resizes.disconnect()
      plot.destroy()
    }
  }, [dark])
  return <div class='plot' id='plot' ref={place} role='img' aria-label={`The car's position over the last minute; now ${position.value ?? 'unknown'}`} />
}

function optionsFor (box: HTMLElement): UPlot.Options {
  const style = getComputedStyle(document.documentElement)
  const colour = (name: string): string => style.getPropertyValue(name).trim()
  const font = `12px ${getComputedStyle(document.body).fontFamily}`
  const axis = {
    stroke: colour('--soft'), font, grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false }, gap: 6
  }
  return {
    width: box.clientWidth,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { x: { time: true, auto: false }, y: { range: rangeOf } },
    series: [{}, {
      stroke: colour('--accent'),
      fill: colour('--accent-wash'),
      width: 2,
      points: { show: false },
      // Between two moves it stands still.
      paths: UPlot.paths.stepped!({ align: 1 })
    }],
    axes: [
      { ...axis, space: 90, size: 30, values: (_plot, times) => times.map((time) => clockText(time)) },
      { ...axis, size: 56, values: (_plot, places) => places.map((place) => String(place).replace('-', '−')) }
    ]
  }
}

function clockText (timeS: number): string {
  return new Date(timeS * 1000).toLocaleTimeString()
}

/** Never so near that a standing car fills it. */
function rangeOf (_plot: UPlot, min: number | null, max: number | null): [number, number] {
  const [low, high] = [min ?? 0, max ?? 0]
  const margin = Math.max(50, (high - low) * 0.15)
  return [Math.floor(low - margin), Math.ceil(high + margin)]
}
