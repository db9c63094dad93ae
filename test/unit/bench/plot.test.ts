import t from 'tap'
import { toSvg } from '../../../bench/suite/plot.ts'

const plot = {
  name: 'cpu',
  title: 'CPU a delivery <of each>',
  unit: 'us',
  bars: [
    { name: 'Tidegate', value: 1.5 }, { name: 'A & B', value: 3 }, { name: 'not measured', value: NaN }, { name: 'none', value: 0 }
  ]
}

function widths (svg: string): number[] {
  return [...svg.matchAll(/<rect [^>]*width="([0-9.]+)"/g)].map(([, width]) => Number(width))
}

t.test('bars are as long as their values, from 0 on', async (t) => {
  const [ours, other, none] = widths(toSvg(plot))
  t.ok(Math.abs(other! - 2 * ours!) < 0.05)
  t.equal(none, 0)
})

t.test('what was not measured is left out', async (t) => {
  const svg = toSvg(plot)
  t.equal(widths(svg).length, 3)
  t.notMatch(svg, /not measured|NaN|Infinity/)
})

t.test('texts are escaped, axis and values are labelled, and ours stands out', async (t) => {
  const svg = toSvg(plot)
  t.match(svg, 'CPU a delivery &lt;of each&gt;')
  t.match(svg, '>A &amp; B<')
  t.match(svg, '>1.50<')
  for (const tick of ['0', '1', '2', '3']) t.match(svg, `text-anchor="middle">${tick}</text>`)
  t.match(svg, '>us</text>')
  t.equal(svg.match(/class="bar ours"/g)?.length, 1)
  t.match(svg, 'prefers-color-scheme:dark')
})

t.test('nothing at all is a plot too', async (t) => {
  t.notMatch(toSvg({ ...plot, bars: [] }), /NaN|Infinity/)
})
