import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { makeTempFolder, removeTempFolder } from '../../cluster/temp-folder.ts'
import { eventually } from '../../cluster/until.ts'
import { connect } from '../helpers/client.ts'
import { figuresOf } from '../helpers/metrics.ts'
import { GatewayProcess } from '../helpers/process.ts'
import { WebhookTarget } from '../helpers/webhook-target.ts'

/** A certificate that nobody has signed but itself, for this name. */
async function certificate (test: Test, name: string): Promise<{ file: string, tls: { key: string, cert: string } }> {
  const folder = await makeTempFolder('tls')
  test.teardown(() => removeTempFolder(folder))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  await promisify(execFile)('openssl', [
    'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=hook',
    '-addext', `subjectAltName=${name}`, '-keyout', key, '-out', cert
  ])
  return { file: cert, tls: { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') } }
}

async function start (
  test: Test, target: WebhookTarget, trusted: Record<string, string>
): Promise<GatewayProcess & { readonly http: string }> {
  const gateway = new GatewayProcess(test, { PORT: '0', HOST: '127.0.0.1', ...target.settings, ...trusted })
  const { http, ws } = await gateway.ready()
  const ann = await connect(test, `${ws}?user=ann&join=general`)
  await ann.next('joined')
  return Object.assign(gateway, { http })
}

async function tried ({ http }: { readonly http: string }): Promise<boolean> {
  return (await figuresOf(http)).get('webhook_attempts_total{outcome="unreachable"}')! >= 2
}

t.test('a certificate that is trusted, and is for this target, is enough', async (t) => {
  const { file, tls } = await certificate(t, 'IP:127.0.0.1')
  const target = await WebhookTarget.start(t, tls)
  await start(t, target, { NODE_EXTRA_CA_CERTS: file })
  await target.hears('member.joined general ann')
})

t.test('a target whose certificate nobody trusts is told nothing', async (t) => {
  const { tls } = await certificate(t, 'IP:127.0.0.1')
  const target = await WebhookTarget.start(t, tls)
  const gateway = await start(t, target, {})
  await eventually('it has tried', async () => await tried(gateway))
  await gateway.says('DEPTH_ZERO_SELF_SIGNED_CERT')
  t.strictSame([target.deliveries, target.bad], [[], []])
})

t.test('one that is trusted, but has the certificate of somebody else, is told nothing', async (t) => {
  const { file, tls } = await certificate(t, 'DNS:other.example')
  const target = await WebhookTarget.start(t, tls)
  const gateway = await start(t, target, { NODE_EXTRA_CA_CERTS: file })
  await eventually('it has tried', async () => await tried(gateway))
  await gateway.says('ERR_TLS_CERT_ALTNAME_INVALID')
  t.strictSame([target.deliveries, target.bad], [[], []])
})

t.test('one that speaks no TLS at all is told nothing', async (t) => {
  const target = await WebhookTarget.start(t)
  const gateway = await start(t, target, { WEBHOOK_URL: target.url.replace('http:', 'https:') })
  await eventually('it has tried', async () => await tried(gateway))
  t.strictSame([target.deliveries, target.bad], [[], []])
})
