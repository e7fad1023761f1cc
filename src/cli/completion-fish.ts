import type { CompletedCommand, CompletedFlag, WordSource } from './completion-tree.js'

/** For fish 3 and later. */
export function fishCompletion(commands: readonly CompletedCommand[]): string {
  const paths = commands.flatMap(({ path }) => (path === '' ? [] : [quote(path)]))
  const flags = commands.flatMap((command) => command.flags)
  const valued = new Set(flags.flatMap(({ names, value }) => (value === undefined ? [] : names)))
  return `# fish completion for convoy. Made by "convoy completion fish".

# Whether the words so far name this command.
function __convoy_at
    set -l place
    set -l is_value no
    for word in (commandline -opc)[2..-1]
        if test $is_value = yes
            set is_value no
        else if contains -- $word ${[...valued].map(quote).join(' ')}
            set is_value yes
        else if contains -- (string join ' ' -- $place $word) ${paths.join(' ')}
            set -a place $word
        end
    end
    test "$place" = "$argv[1]"
end

# The daemon that the words so far name.
function __convoy_run
    set -l words (commandline -opc)
    set -l at (contains -i -- --socket $words; or contains -i -- -s $words)
    if test -n "$at"; and test $at -lt (count $words)
        convoy --socket $words[(math $at + 1)] $argv 2>/dev/null
    else
        convoy $argv 2>/dev/null
    end
end

complete -c convoy -f
${commands.flatMap(describeCommand).join('\n')}
`
}

function describeCommand({ path, commands, flags, argument }: CompletedCommand): readonly string[] {
  const start = `complete -c convoy -n ${quote(`__convoy_at ${quote(path)}`)}`
  const words = describeSource(argument)
  return [
    ...commands.map(({ name, help }) => `${start} -a ${name} -d ${quote(help)}`),
    ...flags.map((flag) => `${start} ${describeFlag(flag)}`),
    ...(words === '' ? [] : [`${start} ${words}`]),
  ]
}

function describeFlag({ names, help, value }: CompletedFlag): string {
  const spelled = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`))
  const after = value === undefined ? [] : [value === 'files' ? '-r' : '-x', describeSource(value)].filter(Boolean)
  return [...spelled, ...after, `-d ${quote(help)}`].join(' ')
}

function describeSource(source: WordSource): string {
  if (typeof source === 'string') return source === 'files' ? '-F' : ''
  if ('words' in source) return `-a ${quote(source.words.join(' '))}`
  return `-a ${quote(`(__convoy_run ${source.run.map(quote).join(' ')})`)}`
}

function quote(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
