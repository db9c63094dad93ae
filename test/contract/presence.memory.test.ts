import t from 'tap'
import { memoryWorld } from '../helpers/replicas.ts'
import { presenceContract } from './presence.contract.ts'
import { holds } from './contract.ts'

holds(t, presenceContract, memoryWorld)
