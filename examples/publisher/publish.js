import { createPublisher } from 'tidegate'

const [room = 'news', text = 'Hello from a job'] = process.argv.slice(2)
const publisher = createPublisher({ redis: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379' })
try {
  const { seq, duplicate } = await publisher.publish(room, text, { from: 'job', key: `job:${text}`.slice(0, 64) })
  console.log(duplicate ? `number ${seq} already` : `published as number ${seq}`)
} finally {
  await publisher.close()
}
