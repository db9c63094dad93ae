import { Registry } from 'prom-client'
import { HighWater } from './high-water.ts'
import { nodeDefaults } from './node-defaults.ts'
import { ReadAtScrape } from './read-at-scrape.ts'
import type { FilesSource, HookSource, RedisSource, Sources, WebhookSource } from './sources.ts'

/**
 * The figures of one gateway, in a registry of its own: two may live side by side. No label ever holds what a client
 * chose: names of rooms and users would be series without end. docs/metrics.md has the table, and a test holds it
 * against this.
 */
export class Metrics {
  readonly registry = new Registry()
  #text: Promise<string> | undefined

  constructor (sources: Sources, now: () => number) {
    const read = new ReadAtScrape(this.registry)
    connections(read, sources)
    rooms(read, sources)
    members(read, sources)
    writes(read, sources, now)
    latencies(read, sources)
    health(read, sources)
    if (sources.hooks !== undefined) hooks(read, sources.hooks)
    if (sources.redis !== undefined) redis(read, sources.redis)
    if (sources.webhooks !== undefined) webhooks(read, sources.webhooks)
    if (sources.files !== undefined) files(read, sources.files)
    for (const metric of nodeDefaults()) this.registry.registerMetric(metric)
  }

  get contentType (): string {
    return this.registry.contentType
  }

  /** Made once for all who ask while it is being made. */
  async text (): Promise<string> {
    this.#text ??= this.registry.metrics().finally(() => { this.#text = undefined })
    return await this.#text
  }
}

function connections (read: ReadAtScrape, { sessions, counts }: Sources): void {
  read.gauge({ name: 'connections', help: 'WebSockets and event streams that are open.' }, () => sessions.size)
  read.gauge({ name: 'event_streams', help: 'Event streams among these connections.' }, () => counts.streams)
  read.counter({ name: 'connections_opened_total', help: 'WebSockets and event streams that were welcomed.' }, () => counts.opened)
  read.counters({
    name: 'connections_closed_total', help: 'Connections that ended, by code: of event streams the one that a socket would have had.'
  }, 'code', () => counts.closes)
  read.counters({
    name: 'upgrades_refused_total', help: 'Upgrades and event streams that were answered with an error, by reason.'
  }, 'reason', () => counts.upgradesRefused)
  read.counters({
    name: 'hung_up_total', help: 'TCP connections that were ended and not told why, by cause.'
  }, 'cause', () => counts.hungUp)
  read.counter({
    name: 'http_rate_limited_total', help: 'Requests over HTTP beyond RATE_HTTP, which were answered with 429.'
  }, () => counts.overHttpRate)
  read.counters({
    name: 'refusals_total', help: 'Requests over WebSockets, and joins of event streams, that were refused, by reason.'
  }, 'reason', () => counts.refusals)
}

function rooms (read: ReadAtScrape, { hub, sync }: Sources): void {
  read.gauge({ name: 'rooms', help: 'Rooms that this replica follows; broadcasts are one of them.' }, () => hub.size)
  read.gauge({
    name: 'members', help: 'Members of all these rooms together; each connection is one for broadcasts.'
  }, () => hub.members)
  read.gauge({
    name: 'ring_bytes', help: 'Frames that are kept in memory for those who join or read on.'
  }, () => hub.ringBytes)
  read.counter({
    name: 'room_repairs_total', help: 'Times that something was missing in a room, and its log was read for all members.'
  }, () => sync.repairs)
}

function members (read: ReadAtScrape, { hub: { counts }, presence, pastPace }: Sources): void {
  read.counter({
    name: 'messages_total', help: 'Messages that came to rooms of this replica, each counted once.'
  }, () => counts.messages)
  read.counter({
    name: 'deliveries_total', help: 'Messages that were queued for members, one for each message and member.'
  }, () => counts.deliveries)
  read.gauge({
    name: 'presence_users', help: 'Users of rooms that this replica tells others of; each counts once in each room.'
  }, () => presence.size)
  read.gauge({
    name: 'members_behind', help: 'Members that wait until their sockets take more.'
  }, () => counts.behind)
  read.gauge({
    name: 'past_waiting', help: 'Connections and requests that wait to be told of the past: 64 KiB a millisecond for all.'
  }, () => pastPace.size)
  read.counter({ name: 'members_fell_behind_total', help: 'Times that a member began to wait so.' }, () => counts.fellBehind)
  read.counters({ name: 'gaps_total', help: 'Gaps that members were told of, by reason.' }, 'reason', () => counts.gaps)
}

function writes (read: ReadAtScrape, { writes: counts }: Sources, now: () => number): void {
  const highWater = new HighWater(counts, now)
  read.counter({ name: 'writes_total', help: 'Writes to sockets, but for control frames.' }, () => counts.writes)
  read.counter({
    name: 'merged_frames_total', help: 'Frames that needed no write of their own, because they left with the one before.'
  }, () => counts.frames - counts.writes)
  read.counter({ name: 'written_bytes_total', help: 'Bytes of these writes.' }, () => counts.bytes)
  read.gauge({
    name: 'send_queue_high_water_bytes', help: 'The most that waited for one client, within the last minute or two.'
  }, () => highWater.read())
}

function latencies (read: ReadAtScrape, { hub, counts }: Sources): void {
  read.histograms({
    name: 'publish_duration_seconds', help: 'From a publish, on a socket or over HTTP, to its answer, by outcome.'
  }, 'outcome', counts.publishes)
  read.histogram({
    name: 'delivery_duration_seconds',
    help: 'From an append by this replica through Redis until it was written to its members here; one message of eight.'
  }, hub.counts.turnaround.latency)
}

function health (read: ReadAtScrape, { loopDelay, heap, isReady }: Sources): void {
  read.gauge({
    name: 'event_loop_delay_seconds', help: 'How late the event loop is, as it is held against MAX_LOOP_DELAY_MS.'
  }, () => loopDelay.meanMs / 1_000)
  read.gauge({
    name: 'heap_used_ratio', help: 'Memory of V8 in use, what it can collect left out, as a share of what it may have.'
  }, () => heap.share)
  read.gauge({ name: 'ready', help: '1 where /readyz answers 200, else 0.' }, () => Number(isReady()))
}

function hooks (read: ReadAtScrape, { counts }: HookSource): void {
  read.histograms({
    name: 'hook_duration_seconds', help: 'How long a hook of the operator took to decide, by hook.'
  }, 'hook', counts.durations)
  read.counters({
    name: 'hook_failures_total', help: 'Times that a hook threw, took too long, or was not asked because too many were.'
  }, 'hook', () => counts.failures)
  read.gauge({ name: 'hooks_under_way', help: 'Decisions of hooks that are waited for.' }, () => counts.underWay)
}

function redis (read: ReadAtScrape, { connections, broker, log }: RedisSource): void {
  read.gauges({
    name: 'redis_up', help: '1 where Redis answers on this connection, else 0.'
  }, 'connection', () => ({
    commands: Number(connections.isUp('commands')), subscriber: Number(connections.isUp('subscriber'))
  }))
  read.counters({
    name: 'redis_connects_total', help: 'Times that this connection to Redis was made.'
  }, 'connection', () => connections.connects)
  read.gauge({
    name: 'redis_probe_age_seconds', help: 'How long ago this replica last heard its own probe through Redis.'
  }, () => broker.probeAgeMs / 1_000)
  const kinds = (count: 'asks' | 'commands') => () =>
    ({ append: log.appendCounts[count], signal: broker.signalCounts[count] })
  read.counters({
    name: 'redis_publishes_total', help: 'Messages that were sent to Redis: appended to a log, or signals without one.'
  }, 'kind', kinds('asks'))
  read.counters({
    name: 'redis_publish_commands_total', help: 'Commands that carried them: many messages of one turn share one.'
  }, 'kind', kinds('commands'))
}

function webhooks (read: ReadAtScrape, counts: WebhookSource): void {
  read.counter({ name: 'webhook_events_sent_total', help: 'Events that the webhook target has taken.' }, () => counts.sent)
  read.counter({
    name: 'webhook_events_dropped_total', help: 'Events that it was never told of, because too many waited or they were too old.'
  }, () => counts.dropped)
  read.counters({
    name: 'webhook_attempts_total', help: 'Times that it was sent a batch, by outcome.'
  }, 'outcome', () => counts.attempts)
  read.gauge({
    name: 'webhook_events_waiting', help: 'Events that wait, over all replicas, as the one that delivers knows it; 0 on others.'
  }, () => counts.waiting)
  read.gauge({
    name: 'webhook_oldest_age_seconds', help: 'How long the oldest of them has waited; 0 where none does, and on others.'
  }, () => counts.oldestMs / 1_000)
}

function files (read: ReadAtScrape, { store, counts }: FilesSource): void {
  read.counter({ name: 'files_stored_total', help: 'Files that were kept and announced.' }, () => counts.stored)
  read.counter({ name: 'files_stored_bytes_total', help: 'Bytes of these files.' }, () => counts.storedBytes)
  read.counter({ name: 'files_served_total', help: 'Files that were sent to somebody, or parts of them.' }, () => counts.served)
  read.counters({ name: 'files_refused_total', help: 'Uploads that were refused, by reason.' }, 'reason', () => counts.refusals)
  read.gauge({
    name: 'files_held_bytes', help: 'What FILES_DIR holds, as this replica knows; 0 for a bucket, which counts for itself.'
  }, () => store.heldBytes ?? 0)
}
