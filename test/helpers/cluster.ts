import type { Test } from 'tap'
import { Cluster } from '../../cluster/cluster.ts'
import { eventually } from '../../cluster/until.ts'
import { connect } from './client.ts'
import { Roamer } from './roamer.ts'

// All clients come from one address here.
const SETTINGS = { MAX_CONNECTIONS_PER_ADDRESS: '0', LOG_LEVEL: 'debug' }

export interface Said { readonly source: string, readonly line: string }

/** The cluster of `npm run cluster`, ended with the test, and all that its processes say. */
export async function startCluster (
  test: Test, settings: Record<string, string> = {}
): Promise<{ cluster: Cluster, said: Said[] }> {
  const said: Said[] = []
  const cluster = await Cluster.start({
    settings: { ...SETTINGS, ...settings }, onLine: (source, line) => { said.push({ source, line }) }
  })
  test.teardown(() => cluster.stop('SIGKILL'))
  return { cluster, said }
}

/** What no log should have, nor nginx's of requests; that the gateway stands open is meant. */
export async function complaints (cluster: Cluster, said: readonly Said[]): Promise<string[]> {
  const refusals = (await cluster.nginx.accessLog()).filter((line) => {
    const { status, uri } = JSON.parse(line) as { status: number, uri: string }
    return status >= 400 && !['/readyz', '/metrics'].includes(uri)
  })
  const bad = said.filter(({ source, line }) => source.startsWith('gateway-')
    ? (!line.startsWith('{') || (JSON.parse(line) as { level: number }).level >= 40) && !line.includes('open: whoever')
    : /\[(warn|error|crit|alert|emerg)\]|error/i.test(line))
  return [...refusals, ...bad.map(({ source, line }) => `${source}: ${line}`)]
}

export async function crowd (test: Test, { ws }: { readonly ws: string }, count: number): Promise<Roamer[]> {
  return await Promise.all(Array.from({ length: count }, (_, n) => Roamer.start(test, ws, 'yard', `u${n}`)))
}

/** Everyone says something now and then, until the returned function is called. */
export function chatter (roamers: readonly Roamer[]): () => void {
  let turn = 0
  const timer = setInterval(() => {
    const roamer = roamers[turn++ % roamers.length]!
    void roamer.publish(turn)
  }, 20)
  return () => clearInterval(timer)
}

/** A last message reaches everyone, and with it all before it have. */
export async function nothingMissed (
  test: Test, { ws }: { readonly ws: string }, roamers: readonly Roamer[]
): Promise<void> {
  const last = await connect(test, `${ws}?join=yard`)
  await last.next('joined')
  const { seq } = await last.ask({ type: 'message', room: 'yard', content: 'last' })
  await eventually('the last message is everywhere', async () => roamers.every(({ seqs }) => seqs.has(seq!)))
  const holes = roamers.filter(({ seqs }) => seqs.size !== seq! - Math.min(...seqs) + 1)
  test.strictSame(holes.map(({ user }) => user), [], `${seq} messages, and nobody misses one`)
}
