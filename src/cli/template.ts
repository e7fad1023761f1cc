import { ConvoyError } from '../errors.js'
import { findNearestWord } from '../model/nearest-word.js'
import { findField } from './control-client.js'
import { oneLine } from './terminal.js'

/** The fields of one line of output, by the name that a template calls them. */
export type Row = Readonly<Record<string, unknown>>

type TextFunction = 'json' | 'upper' | 'lower'
const functions: Readonly<Record<TextFunction, (value: unknown) => string>> = {
  json: (value) => JSON.stringify(value ?? null),
  upper: (value) => plain(value).toUpperCase(),
  lower: (value) => plain(value).toLowerCase(),
}

/** Text that stays, or a field and what is done to it, in order. */
export type Piece = string | { readonly path: readonly string[]; readonly functions: readonly TextFunction[] }

/** Docker's templates, as far as people use them: `{{.Name}}`, `{{json .}}`, `{{upper .Driver}}`, `{{.Name | upper}}`, `\t`. */
export function parseTemplate(text: string, fields: readonly string[]): readonly Piece[] {
  const parts = text
    .replaceAll('\\t', '\t')
    .replaceAll('\\n', '\n')
    .split(/\{\{(.*?)\}\}/s)
  // split() with a group puts what is between the braces at the odd places.
  const pieces = parts.map((part, index) => (index % 2 === 0 ? refuseBraces(part) : parseAction(part, fields)))
  return pieces.filter((piece) => piece !== '')
}

export function renderTemplate(pieces: readonly Piece[], row: Row): string {
  return pieces.map((piece) => (typeof piece === 'string' ? piece : renderAction(piece, row))).join('')
}

function refuseBraces(text: string): string {
  if (!text.includes('{{')) return text
  throw new ConvoyError('invalid-argument', 'the template has a "{{" without "}}"')
}

function parseAction(action: string, fields: readonly string[]): Piece {
  const [first = [], ...pipe] = action.split('|').map((part) => part.trim().split(/\s+/).filter(Boolean))
  // `upper .Name` is `.Name | upper`.
  const [subject = '', ...rest] = [...first].reverse()
  const names = [...rest, ...pipe.flatMap((words) => (words.length === 1 ? words : ['']))]
  if (!/^\.(?:\w[\w-]*(?:\.[\w-]+)*)?$/.test(subject) || !names.every(isFunction)) throw unknownAction(action)
  const path = subject.split('.').filter(Boolean)
  const [field] = path
  if (field !== undefined && !fields.includes(field)) throw unknownField(field, fields)
  return { path, functions: names }
}

const isFunction = (name: string): name is TextFunction => Object.hasOwn(functions, name)

function unknownAction(action: string): ConvoyError {
  return new ConvoyError('invalid-argument', `{{${oneLine(action)}}} is nothing that a template here can do`, {
    hint: 'fields as {{.Name}}, and the functions json, upper and lower',
  })
}

function unknownField(field: string, fields: readonly string[]): ConvoyError {
  const near = findNearestWord(field, fields)
  return new ConvoyError('invalid-argument', `there is no field .${field} here`, {
    hint: `${near === undefined ? '' : `did you mean .${near}? `}the fields are ${fields.map((name) => `.${name}`).join(', ')}`,
  })
}

function renderAction({ path, functions: names }: Exclude<Piece, string>, row: Row): string {
  const value = path.reduce<unknown>(findField, row)
  const [first, ...others] = names
  if (first === undefined) return oneLine(plain(value))
  return others.reduce((text, name) => functions[name](text), functions[first](value))
}

/** A value as people read it: nothing where there is none. */
export function plain(value: unknown): string {
  if (value === undefined || value === null) return ''
  return typeof value === 'string' ? value : JSON.stringify(value)
}
