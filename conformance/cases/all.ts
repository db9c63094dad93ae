import type { Case, Section } from '../case.ts'
import type { Target } from '../targets.ts'
import { closing, endings } from './closing.ts'
import { fragmentation } from './fragmentation.ts'
import { framing, masks } from './framing.ts'
import { handshakes } from './handshakes.ts'
import { controls, pings } from './pings.ts'
import { opcodes, reservedBits } from './reserved.ts'
import { requests } from './requests.ts'
import { autofragments, limitsOf } from './sizes.ts'
import { utf8, utf8Splits } from './utf8.ts'

/** The whole table, for this kind of server. */
export function sectionsFor ({ limits, isGateway, address }: Target): Section[] {
  return [
    framing, pings, reservedBits, opcodes, fragmentation, utf8, closing, autofragments,
    masks, controls, utf8Splits, endings,
    ...(limits === undefined ? [] : [limitsOf(limits)]),
    ...(isGateway ? [requests, ...handshakes(address, limits?.isCompressing === true)] : [])
  ]
}

/** Those whose ids are one of these, or begin with one of them and a dot; all where there is none. */
export function pick (sections: readonly Section[], ids: readonly string[]): Section[] {
  if (ids.length === 0) return [...sections]
  const isPicked = ({ id }: Case): boolean => ids.some((picked) => id === picked || id.startsWith(`${picked}.`))
  return sections.map((section) => ({ ...section, cases: section.cases.filter(isPicked) }))
    .filter(({ cases }) => cases.length > 0)
}
