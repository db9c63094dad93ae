import { spawnSync } from 'node:child_process'
import t from 'tap'
import { cli } from '../../helpers/cli.ts'

const script = async (shell: string): Promise<string> => (await cli(['completion', shell])).stdout

/** What bash offers at the end of a line. */
async function offered (line: string): Promise<string[]> {
  const words = line.split(' ')
  const { stdout, stderr, status } = spawnSync('bash', ['-c', `${await script('bash')}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_tidegate; printf '%s\\n' "\${COMPREPLY[@]}"`], { encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  return stdout.split('\n').filter((word) => word !== '')
}

t.test('bash completes commands, flags and what an argument may be', async (t) => {
  t.strictSame(await offered('tidegate be'), ['bench'])
  t.strictSame((await offered('tidegate ')).slice(0, 3), ['serve', 'join', 'send'])
  t.strictSame(await offered('tidegate join --hi'), ['--history'])
  t.strictSame(await offered('tidegate join general --j'), ['--json'])
  t.strictSame(await offered('tidegate completion z'), ['zsh'])
  t.strictSame(await offered('tidegate help do'), ['doctor'])
  t.strictSame(await offered('tidegate join --history '), [], 'nothing is known of its value')
  t.ok((await offered('tidegate serve --rooms package')).includes('package.json'), 'a file')
})

t.test('zsh and fish know every command and flag, and take the script', async (t) => {
  for (const shell of ['zsh', 'fish']) {
    const text = await script(shell)
    for (const word of ['serve', 'join', 'doctor', 'bench', 'completion', 'help']) t.match(text, word)
    t.match(text, shell === 'zsh' ? /--history\[begin with/ : /-l history -x -d 'begin with/)
    const { error, status, stderr } = spawnSync(shell, ['--no-execute'], { input: text, encoding: 'utf8' })
    if (error === undefined) t.equal(status, 0, stderr)
    else t.comment(`${shell} is not here: its script is only looked at`)
  }
})
