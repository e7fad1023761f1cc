import { describeSource, quote } from './completion-bash.js'
import type { CompletedCommand } from './completion-tree.js'

/** For a file `_convoy` in the `fpath`, or to be sourced after `compinit`. */
export function zshCompletion(commands: readonly CompletedCommand[]): string {
  return `#compdef convoy
# zsh completion for convoy. Made by "convoy completion zsh".

__convoy_commands() {
  case "$1" in
${commands.map(commandCase).join('\n')}
    *) found=() ;;
  esac
}

__convoy_flags() {
  case "$1" in
${commands.map(flagCase).join('\n')}
  esac
}

# Says in "origin" where the value of a flag comes from; fails for a flag that has none.
__convoy_value() {
  case "$1|$2" in
${commands.flatMap(valueCases).join('\n')}
    *) return 1 ;;
  esac
}

__convoy_argument() {
  case "$1" in
${commands.map(({ path, argument }) => `    ${quote(path)}) origin=${quote(describeSource(argument))} ;;`).join('\n')}
  esac
}

${completer}`
}

/** `name:what it does`, as `_describe` wants it. */
const entry = (name: string, help: string) => quote(`${name}:${help.replaceAll(':', '\\:')}`)

function commandCase({ path, commands }: CompletedCommand): string {
  return `    ${quote(path)}) found=(${commands.map(({ name, help }) => entry(name, help)).join(' ')}) ;;`
}

function flagCase({ path, flags }: CompletedCommand): string {
  const entries = flags.flatMap(({ names, help }) => names.map((name) => entry(name, help)))
  return `    ${quote(path)}) found=(${entries.join(' ')}) ;;`
}

function valueCases({ path, flags }: CompletedCommand): readonly string[] {
  return flags.flatMap(({ names, value }) => {
    if (value === undefined) return []
    const patterns = names.map((name) => quote(`${path}|${name}`)).join('|')
    return [`    ${patterns}) origin=${quote(describeSource(value))} ;;`]
  })
}

const completer = String.raw`_convoy() {
  local cur="$words[CURRENT]" place='' flag='' flags_end='' origin='' word
  local -a globals found
  integer i
  for ((i = 2; i < CURRENT; i++)); do
    word="$words[i]"
    if [[ $flag != '' ]]; then
      [[ $flag == -s || $flag == --socket ]] && globals=(--socket "$word")
      flag=''
    elif [[ $flags_end == '' && $word == -- ]]; then
      flags_end=1
    elif [[ $flags_end == '' && $word == -* ]]; then
      __convoy_value "$place" "$word" && flag="$word"
    else
      __convoy_commands "$place"
      (( ${'$'}{found[(I)$word:*]} )) && place="${'$'}{place:+$place }$word"
    fi
  done
  origin=''
  if [[ $flag != '' ]]; then
    __convoy_value "$place" "$flag"
  elif [[ $flags_end == '' && $cur == -* ]]; then
    __convoy_flags "$place"
    _describe flag found
    return
  else
    __convoy_commands "$place"
    if (( $#found )); then
      _describe command found
      return
    fi
    __convoy_argument "$place"
  fi
  case "$origin" in
    'words '*) compadd -- ${'$'}{=origin#words } ;;
    'run '*) compadd -- ${'$'}{(f)"$(convoy $globals ${'$'}{=origin#run } 2>/dev/null)"} ;;
    files) _files ;;
  esac
}

if [[ $funcstack[1] == _convoy ]]; then
  _convoy "$@"
elif (( $+functions[compdef] )); then
  compdef _convoy convoy
fi
`
