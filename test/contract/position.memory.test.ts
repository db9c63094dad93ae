import t from 'tap'
import { memoryWorld } from '../helpers/replicas.ts'
import { positionContract } from './position.contract.ts'
import { holds } from './contract.ts'

holds(t, positionContract, memoryWorld)
