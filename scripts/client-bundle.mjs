// The client as one minified module, for pages without a bundler: dist/client/tidegate.min.js. What no caller and no
// frame names is called by short names in it; test/browser runs it.
import { buildSync } from 'esbuild'

const INTERNAL = [
  'aheadMs', 'answer', 'ask', 'begin', 'connectionFor', 'echoed', 'epoch', 'events', 'forget', 'heardMs', 'hide', 'host', 'isBusy',
  'isDeaf', 'isJoinedOn', 'isKeyLost', 'isLatest', 'isLeaving', 'isLive', 'isNew', 'isOffline', 'isOpen', 'isRenewable',
  'isSettled', 'isSettledOn', 'isWelcome', 'items', 'joinAgain', 'joinAll', 'lane', 'maxTries', 'newKey', 'onAck', 'onClosed',
  'onCurrent', 'onError', 'onFrame', 'onGap', 'onLogLost', 'onLost', 'onNetwork', 'onNotJoined', 'onPong', 'onSettled', 'onState',
  'onWelcome', 'probe', 'pump', 'queueJoin', 'receive', 'refused', 'request', 'sentMs', 'source', 'spoil', 'takeGap', 'tries',
  'unknownMs', 'waiting', 'warn', 'watch'
]

export function bundleClient (outfile) {
  buildSync({
    entryPoints: ['src/client/index.ts'],
    outfile,
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    mangleProps: new RegExp(`^(?:${INTERNAL.join('|')})$`),
    logLevel: 'warning'
  })
}
