import { ConvoyError } from '../../errors.js'
import { parseJsonObject } from '../../model/json-object.js'
import { damaged } from './damage.js'

/** What the JSON objects of a repository are read with: exact types, or ConvoyError `damaged` that names object and field. */
export class JsonFields {
  readonly #what: string
  readonly #fields: Readonly<Record<string, unknown>>

  constructor(what: string, fields: Readonly<Record<string, unknown>>) {
    this.#what = what
    this.#fields = fields
  }

  /** Of a text that has not been looked at. */
  static parse(what: string, bytes: Buffer): JsonFields {
    const fields = parseJsonObject(bytes.toString('utf8'))
    if (fields === undefined) throw damaged(`${what} is no JSON object`)
    return new JsonFields(what, fields)
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#fields, name)
  }

  text(name: string, rule = /^/): string {
    const value = this.#value(name)
    return typeof value === 'string' && rule.test(value) ? value : this.#refuse(name)
  }

  /** A whole number from 0, or from `least`, on. */
  count(name: string, most = Number.MAX_SAFE_INTEGER, least = 0): number {
    const value = this.#value(name)
    return typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most
      ? value
      : this.#refuse(name)
  }

  flag(name: string): boolean {
    const value = this.#value(name)
    return typeof value === 'boolean' ? value : this.#refuse(name)
  }

  /** An ISO time, in milliseconds since 1970. */
  time(name: string): number {
    const ms = Date.parse(this.text(name, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/))
    return Number.isNaN(ms) ? this.#refuse(name) : ms
  }

  /** So many bytes in base64. */
  bytes(name: string, length: number): Buffer {
    const bytes = Buffer.from(this.text(name), 'base64')
    return bytes.length === length ? bytes : this.#refuse(name)
  }

  texts(name: string): readonly string[] {
    const value = this.#value(name)
    return Array.isArray(value) && value.every((one) => typeof one === 'string') ? value : this.#refuse(name)
  }

  object(name: string): JsonFields {
    return this.#objectOf(name, this.#value(name))
  }

  objects(name: string): readonly JsonFields[] {
    const value = this.#value(name)
    return Array.isArray(value) ? value.map((one) => this.#objectOf(name, one)) : this.#refuse(name)
  }

  oneOf<Word extends string>(name: string, words: readonly Word[]): Word {
    const value = this.#value(name)
    return words.find((word) => word === value) ?? this.#refuse(name)
  }

  /** Refuses what a later version has written: another format, or a word in `requires`, of which this program knows none. */
  requireKnownFormat(): void {
    const format = this.count('format')
    const [unknown] = this.texts('requires')
    if (format === 1 && unknown === undefined) return
    const reason = format === 1 ? `requires "${unknown}"` : `has format ${format}`
    throw new ConvoyError('unsupported', `${this.#what} ${reason}, which this program does not know`, {
      hint: 'use a newer version of Convoy',
    })
  }

  #value(name: string): unknown {
    return this.has(name) ? this.#fields[name] : undefined
  }

  #objectOf(name: string, value: unknown): JsonFields {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return this.#refuse(name)
    // An object's properties can be anything: what unknown says.
    return new JsonFields(`${name} of ${this.#what}`, value as Record<string, unknown>)
  }

  #refuse(name: string): never {
    throw damaged(`${this.#what} has no proper "${name}"`)
  }
}
