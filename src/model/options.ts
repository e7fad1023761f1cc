import { ConvoyError } from '../errors.js'
import { findNearestWord } from './nearest-word.js'

/** One option: how its text is read, what it means, what holds without it. */
export interface Option<T> {
  /** Throws ConvoyError `invalid-argument` when the text is not a value. */
  readonly parse: (text: string) => T
  readonly default?: T
  /** The default as it would be typed, for help. */
  readonly defaultText?: string
  /** May be given several times; each value is kept as it is, in the order given. */
  readonly repeatable?: true
  /** Stands for every option whose name begins as this one's, which ends in `*`: `tag.*`. */
  readonly isFamily?: true
  /** What to show as the value in help: `SIZE`, `PATH`. */
  readonly placeholder: string
  readonly help: string
}

/** The option with a default, which is written as it would be typed. */
export function withDefault<Bearer extends Option<unknown>>(
  defaultText: string,
  option: Bearer,
): Bearer & { readonly default: ReturnType<Bearer['parse']>; readonly defaultText: string } {
  // The option's own parser made it.
  return { ...option, default: option.parse(defaultText) as ReturnType<Bearer['parse']>, defaultText }
}

/** Option name → option. Parsing, `--help`, the README's tables and every message about options come from it. */
export type OptionTable = Readonly<Record<string, Option<unknown>>>

/** The values that {@link parseOptions} makes of a table. An option without a default may be absent; of a family it is all, by name. */
export type OptionValues<Table extends OptionTable> = {
  readonly [K in keyof Table]: Table[K] extends { readonly isFamily: true }
    ? Readonly<Record<string, ReturnType<Table[K]['parse']>>>
    : Table[K] extends { readonly default: unknown }
      ? ReturnType<Table[K]['parse']>
      : ReturnType<Table[K]['parse']> | undefined
}

/** Reads options by their table; refuses unknown and malformed ones by name. `what` names the bearer: `volume option`. */
export function parseOptions<Table extends OptionTable>(
  table: Table,
  texts: Readonly<Record<string, string>>,
  what: string,
): OptionValues<Table> {
  const unknown = Object.keys(texts).filter((name) => findOption(table, name) === undefined)
  if (unknown.length > 0) {
    const known = Object.keys(table).sort()
    const nearest = findNearestWord(unknown[0] ?? '', known)
    throw new ConvoyError('invalid-argument', `unknown ${what} ${nameSome(unknown)}`, {
      hint: `${nearest === undefined ? '' : `did you mean ${nearest}? `}the ${what.replace('option', 'options')} are: ${known.join(', ')}`,
    })
  }
  const values = Object.entries(table).map(([name, option]) => {
    if (option.isFamily === true) {
      const members = Object.entries(texts)
        .filter(([member]) => findOption(table, member) === option)
        .map(([member, of]) => [member.slice(name.length - 1), parseOption(option, member, of, what)] as const)
      return [name, Object.fromEntries(members)] as const
    }
    const text = Object.hasOwn(texts, name) ? texts[name] : undefined
    return [name, text === undefined ? option.default : parseOption(option, name, text, what)] as const
  })
  // Built from the table's own entries, each by its own parser: exactly the mapped type.
  return Object.fromEntries(values) as OptionValues<Table>
}

/** The option of that name, or the one of the family that it belongs to. */
export function findOption(table: OptionTable, name: string): Option<unknown> | undefined {
  const own = Object.hasOwn(table, name) ? table[name] : undefined
  if (own !== undefined && own.isFamily !== true) return own
  const family = Object.keys(table).find((one) => table[one]?.isFamily === true && isMember(one, name))
  return family === undefined ? undefined : table[family]
}

/** A name begins as its family does, and goes on in place of the `*`. */
const isMember = (family: string, name: string) => name.startsWith(family.slice(0, -1)) && name.length >= family.length

/** Reads one text by its option; what is refused is refused by `what` and the option's name. */
export function parseOption<T>(option: Option<T>, name: string, text: string, what: string): T {
  try {
    return option.parse(text)
  } catch (thrown) {
    if (!(thrown instanceof ConvoyError)) throw thrown
    throw new ConvoyError(thrown.code, `${what} ${name}: ${thrown.message}`, {
      ...(thrown.hint === undefined ? {} : { hint: thrown.hint }),
      cause: thrown,
    })
  }
}

const mostNamed = 5

function nameSome(names: readonly string[]): string {
  const named = names.slice(0, mostNamed).map(quote)
  return [...named, ...(names.length > mostNamed ? ['…'] : [])].join(', ')
}

const quote = (text: string) => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text)

/** A parser for one of a closed set of words. */
export function oneOf<const Word extends string>(...words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const found = words.find((word) => word === text)
    if (found !== undefined) return found
    throw new ConvoyError('invalid-argument', `${quote(text)} is not one of ${words.join(', ')}`)
  }
}

/** `true`, `1`, `yes` or nothing at all (`-o flag`), and their opposites. */
export function parseBoolean(text: string): boolean {
  if (/^(?:true|1|yes|on|)$/i.test(text)) return true
  if (/^(?:false|0|no|off)$/i.test(text)) return false
  throw new ConvoyError('invalid-argument', `${quote(text)} is neither true nor false`)
}

/** A whole number between the bounds, both included. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN
    if (value >= least && value <= most) return value
    throw new ConvoyError('invalid-argument', `${quote(text)} is not a whole number from ${least} to ${most}`)
  }
}

const durationUnitsMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds from `"24h"`, `"90s"`, `"7d"`, `"0"`. */
export function parseDurationMs(text: string): number {
  const match = /^(\d{1,6})([smhd])$/.exec(text)
  if (text === '0') return 0
  const unitMs = durationUnitsMs[match?.[2] ?? '']
  if (match?.[1] === undefined || unitMs === undefined) {
    throw new ConvoyError('invalid-argument', `${quote(text)} is not a duration`, {
      hint: 'use a whole number with s, m, h or d, for example 24h',
    })
  }
  return Number(match[1]) * unitMs
}

/** An absolute path without `.` and `..` components, control characters or a trailing slash. */
export function parseAbsolutePath(text: string): string {
  const isClean =
    text.startsWith('/') &&
    text.length <= 4095 &&
    !/[\u0000-\u001f\u007f]/.test(text) &&
    text.split('/').every((component) => component !== '.' && component !== '..')
  if (isClean) return text.replace(/\/+/g, '/').replace(/(?<=.)\/$/, '')
  throw new ConvoyError('invalid-argument', `${quote(text)} is not an absolute path`, {
    hint: 'begin with / and use no "." or ".." components',
  })
}

/** An octal file mode, `0755` or `755`, at most 07777. */
export function parseFileMode(text: string): number {
  if (/^0?[0-7]{3,4}$/.test(text)) return Number.parseInt(text, 8)
  throw new ConvoyError('invalid-argument', `${quote(text)} is not an octal mode`, { hint: 'for example 0755' })
}
