import type { CompletedCommand, WordSource } from './completion-tree.js'

/** For bash 4 and later; needs nothing else, and works where bash-completion is installed as well. */
export function bashCompletion(commands: readonly CompletedCommand[]): string {
  return `# bash completion for convoy. Made by "convoy completion bash".

__convoy_commands() {
  case "$1" in
${cases(commands, ({ path, commands: below }) => `${quote(path)}) words=${quote(below.map(({ name }) => name).join(' '))} ;;`)}
    *) words='' ;;
  esac
}

__convoy_flags() {
  case "$1" in
${cases(commands, ({ path, flags }) => `${quote(path)}) words=${quote(flags.flatMap(({ names }) => names).join(' '))} ;;`)}
  esac
}

# Says in "source" where the value of a flag comes from; fails for a flag that has none.
__convoy_value() {
  case "$1|$2" in
${commands.flatMap(valueCases).join('\n')}
    *) return 1 ;;
  esac
}

__convoy_argument() {
  case "$1" in
${cases(commands, ({ path, argument }) => `${quote(path)}) source=${quote(describeSource(argument))} ;;`)}
  esac
}

${completer}`
}

function cases(commands: readonly CompletedCommand[], line: (command: CompletedCommand) => string): string {
  return commands.map((command) => `    ${line(command)}`).join('\n')
}

function valueCases({ path, flags }: CompletedCommand): readonly string[] {
  return flags.flatMap(({ names, value }) => {
    if (value === undefined) return []
    const patterns = names.map((name) => quote(`${path}|${name}`)).join('|')
    return [`    ${patterns}) source=${quote(describeSource(value))} ;;`]
  })
}

/** `words a b`, `run ls -q`, `files` or nothing: what the completer takes apart. */
export function describeSource(source: WordSource): string {
  if (typeof source === 'string') return source === 'files' ? 'files' : ''
  return 'words' in source ? `words ${source.words.join(' ')}` : `run ${source.run.join(' ')}`
}

export function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}

const completer = String.raw`_convoy() {
  local cur="${'$'}{COMP_WORDS[COMP_CWORD]}" path='' flag='' flags_end='' words='' source='' word i
  local -a globals=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="${'$'}{COMP_WORDS[i]}"
    if [[ $flag != '' ]]; then
      # bash takes --format=json apart, into three words.
      [[ $word == '=' ]] && continue
      [[ $flag == -s || $flag == --socket ]] && globals=(--socket "$word")
      flag=''
    elif [[ $flags_end == '' && $word == -- ]]; then
      flags_end=1
    elif [[ $flags_end == '' && $word == -* ]]; then
      __convoy_value "$path" "$word" && flag="$word"
    else
      __convoy_commands "$path"
      [[ " $words " == *" $word "* ]] && path="${'$'}{path:+$path }$word"
    fi
  done
  source=''
  if [[ $flag != '' ]]; then
    [[ $cur == '=' ]] && cur=''
    __convoy_value "$path" "$flag"
  elif [[ $flags_end == '' && $cur == -* ]]; then
    __convoy_flags "$path"
    source="words $words"
  else
    __convoy_commands "$path"
    if [[ $words != '' ]]; then source="words $words"; else __convoy_argument "$path"; fi
  fi
  case "$source" in
    'words '*) words="${'$'}{source#words }" ;;
    'run '*) words="$(convoy "${'$'}{globals[@]}" ${'$'}{source#run } 2>/dev/null)" ;;
    files)
      compopt -o filenames 2>/dev/null
      mapfile -t COMPREPLY < <(compgen -f -- "$cur")
      return
      ;;
    *) return ;;
  esac
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$cur")
}

complete -F _convoy convoy
`
