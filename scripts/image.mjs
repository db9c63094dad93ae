// Builds the image `tidegate` from the Dockerfile, with docker, podman or buildah, whichever is here:
//   npm run image
//   npm run image -- --stand-in-base      no registry of images is asked: the base is made here (stand-in-base.mjs)
//   npm run image -- --storage=<folder>   buildah keeps its images there, not where the system has them
// The npm registry is the one that npm uses here, with its credentials, certificates and proxies.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { rootCertificates } from 'node:tls'
import { parseArgs } from 'node:util'
import { buildahIn, read, run } from './buildah.mjs'
import { standInBase } from './stand-in-base.mjs'

const NAME = 'tidegate'

const { values: { 'stand-in-base': standIn, storage } } = parseArgs({
  options: { 'stand-in-base': { type: 'boolean', default: false }, storage: { type: 'string' } }
})
// The stand-in is made with buildah and kept in its storage, where docker would not look for it.
const [tool, ...build] = standIn || storage !== undefined ? buildah() : docker() ?? podman() ?? buildah()
if (standIn) standInBase(/^FROM (\S+) AS base$/m.exec(readFileSync('Dockerfile', 'utf8'))[1], storage)

// A Ctrl-C ends the program that runs, and then this: the settings below may hold a password, and have to go.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {})
const folder = mkdtempSync(join(tmpdir(), 'tidegate-image-'))
try {
  const npmrc = join(folder, 'npmrc')
  writeFileSync(npmrc, npmSettings(), { mode: 0o600 })
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'))
  run(tool, [
    ...build, '--tag', NAME, '--secret', `id=npmrc,src=${npmrc}`,
    '--build-arg', `VERSION=${version}`, '--build-arg', `REVISION=${revision()}`, '.'
  ])
} finally {
  rmSync(folder, { recursive: true })
}
process.stderr.write(`tidegate: ${tool} built ${NAME}\n`)

/** Installed is not enough: the program often is where the daemon is not. */
function docker () {
  return answers('docker', 'version') ? ['docker', 'build'] : undefined
}

function podman () {
  return answers('podman', 'info') ? ['podman', 'build', '--format', 'docker'] : undefined
}

/** chroot needs no more than root: it works inside a container too. OCI's own format knows no HEALTHCHECK. */
function buildah () {
  if (!answers('buildah', '--version')) {
    process.stderr.write('tidegate: an image is built by docker (with its daemon), podman or buildah; none is here\n')
    process.exit(1)
  }
  const pull = standIn ? ['--pull-never'] : []
  return ['buildah', ...buildahIn(storage), 'build', '--isolation', 'chroot', '--format', 'docker', ...pull]
}

function answers (...command) {
  return spawnSync(command[0], command.slice(1), { stdio: 'ignore' }).status === 0
}

/** The .npmrc for the steps that install, handed over as a secret: it leaves no trace in the image. */
function npmSettings () {
  const own = npmConfig('userconfig')
  const text = existsSync(own) ? readFileSync(own, 'utf8') : ''
  const env = process.env
  const settings = {
    registry: npmConfig('registry'),
    proxy: npmConfig('proxy') ?? env.HTTP_PROXY ?? env.http_proxy,
    'https-proxy': npmConfig('https-proxy') ?? env.HTTPS_PROXY ?? env.https_proxy,
    noproxy: npmConfig('noproxy') ?? env.NO_PROXY ?? env.no_proxy,
    ca: certificates(npmConfig('cafile'), env.NODE_EXTRA_CA_CERTS ?? env.SSL_CERT_FILE)
  }
  return [
    // npm would fill in variables itself, but they are not there inside; nor is a file of certificates.
    text.replace(/\$\{(\w+)\}/g, (whole, name) => env[name] ?? whole).replace(/^\s*cafile\s*=.*$/gm, ''),
    ...Object.entries(settings).filter(([, value]) => value).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
  ].join('\n')
}

/** What npm would trust here; undefined: what it always does. `ca` and `cafile` replace, the environment adds. */
function certificates (file, extraFile) {
  if (file !== undefined) return readFileSync(file, 'utf8')
  return extraFile && [...rootCertificates, readFileSync(extraFile, 'utf8')].join('\n')
}

/** What npm has for the setting; undefined where it has nothing. */
function npmConfig (name) {
  const value = read('npm', ['config', 'get', name, '--loglevel=error'])
  return ['', 'null', 'undefined'].includes(value) ? undefined : value
}

function revision () {
  const { status, stdout } = spawnSync('git', ['describe', '--always', '--dirty', '--abbrev=40'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : 'unknown'
}
