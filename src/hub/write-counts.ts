/** What has left for sockets: plain numbers, because every write adds to them; read when somebody asks. */
export class WriteCounts {
  writes = 0
  /** More than one frame may leave in one write. */
  frames = 0
  bytes = 0
  /** The most that waited for one client, here and in its socket; who reads it may set it back to 0. */
  highWaterBytes = 0

  wrote (frames: number, bytes: number, queuedBytes: number): void {
    this.writes++
    this.frames += frames
    this.bytes += bytes
    if (queuedBytes > this.highWaterBytes) this.highWaterBytes = queuedBytes
  }
}
