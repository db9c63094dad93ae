import type { Command, Option } from 'commander'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

interface Flag {
  readonly long: string
  readonly short: string | undefined
  readonly description: string
  readonly takesValue: boolean
  readonly isFile: boolean
}
interface Entry {
  readonly name: string
  readonly summary: string
  readonly flags: readonly Flag[]
  /** What its argument may be. */
  readonly words: readonly string[]
}

/** A script for the shell, of all commands and their flags: it asks nobody when it completes. */
export function completionFor (shell: Shell, program: Command): string {
  const entries = program.commands.map(entryOf)
  const words = entries.map(({ name }) => name)
  const help: Entry = { name: 'help', summary: 'what there is, or what a command takes', flags: [], words }
  const all = [...entries, help]
  switch (shell) {
    case 'bash': return bash(all)
    case 'zsh': return zsh(all)
    case 'fish': return fish(all)
  }
}

function entryOf (command: Command): Entry {
  const help = { long: '--help', short: '-h', description: 'what it takes', takesValue: false, isFile: false }
  return {
    name: command.name(),
    summary: command.summary(),
    flags: [...command.options.map(flagOf), help],
    words: command.registeredArguments.flatMap(({ argChoices }) => argChoices ?? [])
  }
}

function flagOf ({ long, short, description, flags }: Option): Flag {
  const takesValue = flags.includes('<')
  return { long: long!, short, description: description.replace(/\s+/g, ' '), takesValue, isFile: flags.includes('<file>') }
}

function bash (entries: readonly Entry[]): string {
  const cases = entries.map(({ name, flags, words }) => {
    const offered = flags.flatMap(({ long, short }) => short === undefined ? [long] : [long, short])
    return `    ${name}) words='${[...words, ...offered].join(' ')}' ;;\n`
  }).join('')
  const files = flagsOf(entries, ({ isFile }) => isFile)
  const values = flagsOf(entries, ({ takesValue, isFile }) => takesValue && !isFile)
  return `# tidegate completion bash
_tidegate () {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words=''
  COMPREPLY=()
  case "$before" in
    ${files.join('|')}) COMPREPLY=($(compgen -f -- "$word")); return ;;
    ${values.join('|')}) return ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then words='${entries.map(({ name }) => name).join(' ')} --help --version'
  else case "\${COMP_WORDS[1]}" in
${cases}  esac; fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -F _tidegate tidegate
`
}

function flagsOf (entries: readonly Entry[], isWanted: (flag: Flag) => boolean): string[] {
  const flags = entries.flatMap((entry) => entry.flags).filter(isWanted)
  return [...new Set(flags.flatMap(({ long, short }) => short === undefined ? [long] : [long, short]))]
}

function zsh (entries: readonly Entry[]): string {
  const commands = entries.map(({ name, summary }) => `    '${name}:${quoted(summary)}'\n`).join('')
  const cases = entries.map(({ name, flags, words }) => {
    const specs = flags.map(({ long, short, description, takesValue, isFile }) => {
      const text = `[${quoted(description).replace(/[[\]:]/g, '\\$&')}]`
      const value = isFile ? ':file:_files' : takesValue ? ':value: ' : ''
      return short === undefined ? `'${long}${text}${value}'` : `'(${short} ${long})'{${short},${long}}'${text}${value}'`
    })
    const argument = words.length > 0 ? [`'1: :(${words.join(' ')})'`] : []
    return `    ${name}) _arguments ${[...specs, ...argument].join(' ')} ;;\n`
  }).join('')
  return `#compdef tidegate
# tidegate completion zsh
_tidegate () {
  local -a commands=(
${commands}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases}  esac
}
if [ "$funcstack[1]" = "_tidegate" ]; then _tidegate "$@"; else compdef _tidegate tidegate; fi
`
}

function fish (entries: readonly Entry[]): string {
  const lines = entries.flatMap(({ name, summary, flags, words }) => [
    `complete -c tidegate -n __fish_use_subcommand -a ${name} -d '${fishQuoted(summary)}'`,
    ...words.map((word) => `complete -c tidegate -n '__fish_seen_subcommand_from ${name}' -a ${word}`),
    ...flags.map(({ long, short, description, takesValue, isFile }) => {
      const value = isFile ? ' -r -F' : takesValue ? ' -x' : ''
      const letter = short === undefined ? '' : ` -s ${short.slice(1)}`
      return `complete -c tidegate -n '__fish_seen_subcommand_from ${name}' -l ${long.slice(2)}${letter}${value} -d '${fishQuoted(description)}'`
    })
  ])
  return `# tidegate completion fish\ncomplete -c tidegate -f\n${lines.join('\n')}\n`
}

/** Within single quotes, for zsh. */
function quoted (text: string): string {
  return text.replaceAll('\'', '\'\\\'\'')
}

function fishQuoted (text: string): string {
  return text.replace(/[\\']/g, '\\$&')
}
