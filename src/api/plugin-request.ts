import { ConvoyError } from '../errors.js'
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
    try {
      const json: unknown = JSON.parse(body)
      // An object's properties are unknown until they are asked for.
      if (typeof json === 'object' && json !== null && !Array.isArray(json))
        return new PluginRequest(json as Record<string, unknown>)
    } catch {
      // Not JSON at all: the same answer.
    }
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
