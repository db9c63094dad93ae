import t from 'tap'
import { memoryWorld } from '../helpers/replicas.ts'
import { logContract } from './log.contract.ts'
import { holds } from './contract.ts'

holds(t, logContract, memoryWorld)
