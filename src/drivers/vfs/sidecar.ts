import { parseJsonObject } from '../../model/json-object.js'
import { optional } from '../../model/optional.js'
import { type Attributes, type OnRemove, onRemoveWords } from '../../model/volume.js'
import { isVolumeName, type VolumeName } from '../../model/volume-name.js'

/**
 * What a volume's directory cannot say about itself: a JSON file beside it, so that another host or a fresh database finds
 * the volume. `.convoy/volumes/<name>.json` for live and forgotten volumes, `.convoy/trash/<id>.json` for trashed ones.
 */
export interface Sidecar {
  readonly version: 1
  readonly name: VolumeName
  readonly id: string
  /** The entry of the root that holds the data; another than the name where a directory was adopted by `id`. */
  readonly directory: VolumeName
  readonly state: 'live' | 'forgotten' | 'trashed'
  readonly createdAt: string
  readonly options: Attributes
  readonly origin: 'created' | 'adopted'
  readonly onRemove?: OnRemove
  readonly sizeBytes?: number
  /** Which project of the file system's quota limits the directory. */
  readonly quotaProject?: number
  /** When it was forgotten or trashed. */
  readonly retiredAt?: string
  /** The host that wrote this. */
  readonly host: string
  /** How often it has been written: of two copies the one with the greater is the newer. 0 before the first time. */
  readonly generation: number
  /** What else was in the file, of a newer program for example: it stays there. */
  readonly others?: Readonly<Record<string, unknown>>
}

export function formatSidecar({ others, ...sidecar }: Sidecar): string {
  return `${JSON.stringify({ ...others, ...sidecar }, null, 2)}\n`
}

/** The sidecar in that text, or undefined when it is none: a share is written by others, too. */
export function parseSidecar(text: string): Sidecar | undefined {
  const json = parseJsonObject(text)
  if (json === undefined) return undefined
  const { version, name, id, directory, state, createdAt, options, origin, host } = json
  const onRemove = onRemoveWords.find((word) => word === json['onRemove'])
  if (version !== 1 || !isVolumeName(name) || !isVolumeName(directory) || !isVolumeId(id)) return undefined
  if (state !== 'live' && state !== 'forgotten' && state !== 'trashed') return undefined
  if (origin !== 'created' && origin !== 'adopted') return undefined
  if (!isDate(createdAt) || !isAttributes(options) || typeof host !== 'string') return undefined
  const known = {
    version,
    name,
    id,
    directory,
    state,
    createdAt,
    options,
    origin,
    ...optional('onRemove', onRemove),
    ...optional('sizeBytes', wholeNumber(json['sizeBytes'])),
    ...optional('quotaProject', wholeNumber(json['quotaProject'])),
    ...optional('retiredAt', isDate(json['retiredAt']) ? json['retiredAt'] : undefined),
    host,
    // The first versions did not count.
    generation: wholeNumber(json['generation']) ?? 0,
  } as const
  const others = Object.entries(json).filter(([key]) => !Object.hasOwn(known, key))
  return { ...known, ...(others.length === 0 ? {} : { others: Object.fromEntries(others) }) }
}

/** What is wrong with a text that is no sidecar, and what to do about its file. */
export function describeFault(text: string): { readonly problem: string; readonly hint: string } {
  const version = parseJsonObject(text)?.['version']
  if (typeof version === 'number' && version > 1) {
    const problem = `it is of a newer version of convoy (version ${version})`
    return { problem, hint: 'install that version on this host, too' }
  }
  const problem = text.trim() === '' ? 'it is empty' : version === undefined ? 'it is cut off' : 'it makes no sense'
  return { problem, hint: 'put back a copy of that file, or move it away: the data of the volume stays where it is' }
}

/** Ids become file names, so they are checked wherever they come in. */
export function isVolumeId(value: unknown): value is string {
  return typeof value === 'string' && /^[0-9a-f-]{8,64}$/.test(value)
}

const isDate = (value: unknown): value is string =>
  typeof value === 'string' && value.length < 40 && !Number.isNaN(Date.parse(value))

const isAttributes = (value: unknown): value is Attributes =>
  typeof value === 'object' && value !== null && Object.values(value).every((one) => typeof one === 'string')

const wholeNumber = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined
