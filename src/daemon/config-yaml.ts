import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import { ConvoyError } from '../errors.js'
import { findNearestWord } from '../model/nearest-word.js'
import type { ConfigFile, FileEntry, FileList } from './config-file.js'
import { allDaemonOptions } from './daemon-options.js'

interface Field {
  readonly name: string
  readonly value: Node | undefined
  readonly source: string
}

/** ConvoyError `invalid-argument` names file, line and column of what is no YAML, or has not the form of a configuration. */
export function parseConfigFile(path: string, text: string): ConfigFile {
  const yaml = new YamlText(path, text)
  const fields = yaml.fields(yaml.root, 'a configuration')
  for (const field of fields) refuseUnknown(field)
  const drivers = fields.find(({ name }) => name === 'drivers')
  const profiles = fields.find(({ name }) => name === 'profiles')
  const notify = fields.find(({ name }) => name === 'notify')
  const sections = [drivers, profiles, notify]
  return {
    path,
    options: fields.filter((field) => !sections.includes(field)).map((field) => yaml.entry(field)),
    driversSource: drivers?.source,
    drivers: yaml.groups(drivers, 'drivers, each with its options', (field) => yaml.entry(field)),
    profiles: yaml.groups(profiles, 'profiles, each with its volume options', (field) => yaml.entry(field)),
    notify: yaml.groups(notify, 'targets, each with its options', (field) => yaml.list(field)),
  }
}

/** The keys that may stand at the top of a configuration file. */
const knownKeys = [
  ...Object.entries(allDaemonOptions).flatMap(([name, { givenBy }]) => (givenBy === undefined ? [name] : [])),
  'profiles',
  'notify',
]

function refuseUnknown({ name, source }: Field): void {
  if (knownKeys.includes(name)) return
  const unknown = `${source}: unknown key ${JSON.stringify(name.slice(0, 60))}`
  if (Object.hasOwn(allDaemonOptions, name)) {
    const hint = name === 'driver-opts' ? 'options stand below their driver, in "drivers"' : `use the flag --${name}`
    throw new ConvoyError('invalid-argument', unknown, { hint })
  }
  const nearest = findNearestWord(name, knownKeys)
  const hint = nearest === undefined ? `the keys are: ${knownKeys.join(', ')}` : `did you mean ${nearest}?`
  throw new ConvoyError('invalid-argument', unknown, { hint })
}

/** A YAML document whose nodes know their lines. */
class YamlText {
  readonly #path: string
  readonly #lines = new LineCounter()
  readonly #document: Document.Parsed

  constructor(path: string, text: string) {
    this.#path = path
    this.#document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false })
    const [fault] = [...this.#document.errors, ...this.#document.warnings]
    if (fault === undefined) return
    const { line, col } = this.#lines.linePos(fault.pos[0])
    throw new ConvoyError('invalid-argument', `${path}:${line}:${col}: ${fault.message}`, {
      hint: `line ${line}, column ${col} is not the YAML of a configuration`,
    })
  }

  get root(): Node | undefined {
    return this.#document.contents ?? undefined
  }

  /** What a mapping maps. An empty one, or nothing at all, maps nothing. */
  fields(node: Node | undefined, what: string): readonly Field[] {
    const mapping = this.#resolve(node)
    if (isMissing(mapping)) return []
    if (!isMap(mapping)) throw this.#refuse(mapping, `${describe(mapping)} where ${what} is expected: NAME: VALUE`)
    return mapping.items.map(({ key, value }) => {
      // The parser makes nothing but nodes.
      const [name, of] = [this.#resolve(key as Node), (value ?? undefined) as Node | undefined]
      if (!isScalar(name)) throw this.#refuse(name, `${describe(name)} where a name is expected`)
      return { name: sourceOf(name), value: of, source: this.#sourceOf(name) }
    })
  }

  /** Name → options, two mappings deep. */
  groups<T>(field: Field | undefined, what: string, read: (field: Field) => T): ReadonlyMap<string, readonly T[]> {
    const groups = this.fields(field?.value, what)
    return new Map(groups.map(({ name, value }) => [name, this.fields(value, `${name} with options`).map(read)]))
  }

  /** One value, or a list of them. */
  list(field: Field): FileList {
    const { name, source } = field
    const node = this.#resolve(field.value)
    if (!isSeq(node)) return { name, texts: [this.entry(field).text], source }
    // The parser makes nothing but nodes.
    const texts = node.items.map((item) => this.entry({ name, value: item as Node, source }).text)
    if (texts.length > 0) return { name, texts, source }
    throw new ConvoyError('invalid-argument', `${source}: ${JSON.stringify(name.slice(0, 60))} is an empty list`)
  }

  entry({ name, value, source }: Field): FileEntry {
    const scalar = this.#resolve(value)
    const shown = JSON.stringify(name.slice(0, 60))
    if (isMissing(scalar)) throw new ConvoyError('invalid-argument', `${source}: ${shown} has no value`)
    if (isScalar(scalar)) return { name, text: sourceOf(scalar), source }
    const expected = allDaemonOptions[name]?.placeholder ?? 'VALUE'
    throw new ConvoyError('invalid-argument', `${source}: ${shown} is ${describe(scalar)}, not one value`, {
      hint: `write ${name}: ${expected === '' ? 'true' : expected}`,
    })
  }

  #resolve(node: Node | undefined): Node | undefined {
    if (!isAlias(node)) return node
    const target = node.resolve(this.#document)
    if (target === undefined) throw this.#refuse(node, `nothing is called &${node.source}`)
    return target
  }

  #refuse(node: Node | undefined, text: string): ConvoyError {
    return new ConvoyError('invalid-argument', `${this.#sourceOf(node)}: ${text}`)
  }

  #sourceOf(node: Node | undefined): string {
    return `${this.#path}:${this.#lines.linePos(node?.range?.[0] ?? 0).line}`
  }
}

/** `key:` without anything behind it. What is quoted is a text, also an empty one. */
function isMissing(node: Node | undefined): boolean {
  return node === undefined || (isScalar(node) && node.value === null)
}

/** As it was written: 0755 is a mode, and no number. */
function sourceOf(scalar: { readonly source?: string; readonly value: unknown }): string {
  return scalar.source ?? String(scalar.value)
}

function describe(node: Node | undefined): string {
  if (isScalar(node)) return JSON.stringify(sourceOf(node).slice(0, 60))
  return isMap(node) ? 'a mapping' : 'a list'
}
