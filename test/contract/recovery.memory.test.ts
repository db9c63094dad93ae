import t from 'tap'
import { startGateway } from '../helpers/gateway.ts'
import { recovers } from './recovery.contract.ts'

recovers(t, async (test, settings) => {
  const { ws, http } = await startGateway(test, settings)
  return { a: ws, b: ws, http }
})
