import t, { type Test } from 'tap'
import { connect } from '../helpers/client.ts'
import { GatewayProcess } from '../helpers/process.ts'

/** A gateway with a defect: what it does when it reads a frame with this text in it. */
function defective (test: Test, does: string): GatewayProcess {
  const patch = 'const of=Buffer.prototype.toString;Buffer.prototype.toString=function(...as){const text=of.apply(this,as);' +
    `if(text.includes('bring it out')){${does}}return text}`
  const module = `data:text/javascript,${encodeURIComponent(patch)}`
  return new GatewayProcess(test, { PORT: '0', NODE_OPTIONS: `${process.env['NODE_OPTIONS'] ?? ''} --import ${module}` })
}

const FRAME = { type: 'message', room: 'a', content: 'bring it out' }

t.test('C8 a throw on the way of a frame ends that connection with 1011, and no other', async (t) => {
  const gateway = defective(t, "throw new Error('on purpose')")
  const { ws } = await gateway.ready()
  const [one, other] = await Promise.all([connect(t, ws), connect(t, ws)])
  one.send(FRAME)
  t.match(await one.closed, { code: 1011 })
  t.match(await other.ask({ type: 'ping' }), { type: 'pong' })
  await gateway.says('"msg":"defect"')
  t.equal(gateway.child.exitCode, null)
})

t.test('C8 what nobody catches ends the process, with goodbyes and exit code 1', async (t) => {
  const gateway = defective(t, "setImmediate(()=>{throw new Error('on purpose')})")
  const { ws } = await gateway.ready()
  const [one, other] = await Promise.all([connect(t, ws), connect(t, ws)])
  one.send(FRAME)
  t.match(await other.next('goodbye'), { reason: 'draining' })
  t.match(await other.closed, { code: 1001 })
  t.strictSame(await gateway.ended, { code: 1, signal: null })
})
