import t from 'tap'
import { memoryWorld } from '../helpers/replicas.ts'
import { holds } from './contract.ts'
import { eventsContract } from './events.contract.ts'

holds(t, eventsContract, memoryWorld)
