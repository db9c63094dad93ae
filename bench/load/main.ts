import type { CommandName, Commands, Load } from './commands.ts'
import { Crowd } from './crowd.ts'

/** The load generator: a process of its own, told what to do by the one that started it. */
interface Order { readonly name: CommandName, readonly ask: unknown }

const crowd = new Crowd()

process.on('message', (order: Order) => {
  void run(order).then(
    (answer) => process.send!({ answer }),
    (error: Error) => process.send!({ error: error.message })
  )
})
process.on('disconnect', () => process.exit())

async function run ({ name, ask }: Order): Promise<unknown> {
  switch (name) {
    case 'connect': return await crowd.connect(ask as Commands['connect']['ask'])
    case 'publish': return await crowd.publish(ask as Load)
    case 'stall': return crowd.stall((ask as Commands['stall']['ask']).count)
    case 'resume': return await crowd.resume()
    case 'quiet': return await crowd.quiet((ask as Commands['quiet']['ask']).forMs)
    case 'close': return await crowd.close()
  }
}
