import { ConvoyError } from '../errors.js'
import { parseJsonObject } from '../model/json-object.js'
import { type MountId, parseMountId } from '../model/mount.js'
import type { Attributes } from '../model/volume.js'
import { parseVolumeName, type VolumeName } from '../model/volume-name.js'

/** The body of one of Docker's requests, hostile until asked for a field. */
export class PluginRequest {
  readonly #fields: Readonly<Record<string, unknown>>

  private constructor(fields: Readonly<Record<string, unknown>>) {
    this.#fields = fields
  }

  /** ConvoyError `invalid-argument` for anything but a JSON object. Docker sends no content type: the text is the truth. */
  static parse(body: unknown): PluginRequest {
    if (typeof body !== 'string') return new PluginRequest({})
    const fields = parseJsonObject(body)
    if (fields !== undefined) return new PluginRequest(fields)
    throw new ConvoyError('invalid-argument', 'the request is not a JSON object')
  }

  get name(): VolumeName {
    return parseVolumeName(this.#own('Name'))
  }

  get id(): MountId {
    return parseMountId(this.#own('ID'))
  }

  /** Strings only; `null` and a missing field mean none. */
  get options(): Attributes {
    const options = this.#own('Opts') ?? {}
    if (typeof options !== 'object' || Array.isArray(options)) throw notStrings()
    const entries = Object.entries(options)
    if (!entries.every((entry): entry is [string, string] => typeof entry[1] === 'string')) throw notStrings()
    return Object.fromEntries(entries)
  }

  #own(field: string): unknown {
    return Object.hasOwn(this.#fields, field) ? this.#fields[field] : undefined
  }
}

const notStrings = () => new ConvoyError('invalid-argument', 'Opts must be an object of strings')
