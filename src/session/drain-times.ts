/** How the end of a connection goes on from its slot (docs/protocol.md, "Closing"). All milliseconds. */

/** A client has so long to let go by itself. */
export const LET_GO_MS = 2_000
/** What it asked for before is answered, */
export const LAST_ANSWERS_MS = 500
/** and its close frame awaited. */
const LAST_HANDSHAKE_MS = 1_000
/** Then it is cut off. */
export const HARD_END_MS = LET_GO_MS + LAST_ANSWERS_MS + LAST_HANDSHAKE_MS
