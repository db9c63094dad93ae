import t from 'tap'
import { memoryWorld } from '../helpers/replicas.ts'
import { brokerContract } from './broker.contract.ts'
import { holds } from './contract.ts'

holds(t, brokerContract, memoryWorld)
