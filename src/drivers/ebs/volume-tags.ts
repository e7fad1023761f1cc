import { createHash } from 'node:crypto'
import { optional } from '../../model/optional.js'
import { type Attributes, type OnRemove, onRemoveWords } from '../../model/volume.js'
import { isVolumeName, type VolumeName } from '../../model/volume-name.js'

/**
 * What a volume of EBS cannot say about itself, as tags: another host, or a fresh database, finds it by them. All of them begin with
 * `convoy:`; `Name` is for people.
 */
export interface VolumeTags {
  readonly name: VolumeName
  readonly id: string
  readonly origin: 'created' | 'adopted'
  /** The host that made it, or has taken it over. */
  readonly host: string
  /** Whose volume it is, if it is not that host's alone. */
  readonly cluster?: string
  readonly state: 'live' | 'forgotten' | 'trashed'
  readonly createdAt: string
  readonly retiredAt?: string
  readonly options: Attributes
  readonly onRemove?: OnRemove
  readonly sizeBytes?: number
}

const prefix = 'convoy:'
/** EC2 takes 256 characters for each value. */
const longestValue = 256
const mostPieces = 8

/** Tags that name the owner of a volume: look-ups go by them. */
export function ownerTags(owner: { readonly cluster?: string; readonly host: string }): Attributes {
  return owner.cluster === undefined ? { [`${prefix}host`]: owner.host } : { [`${prefix}cluster`]: owner.cluster }
}

export const stateTag = (state: VolumeTags['state']): Attributes => ({ [`${prefix}state`]: state })

export const nameTag = (name: VolumeName): Attributes => ({ [`${prefix}name`]: name })

export function formatVolumeTags(tags: VolumeTags): Attributes {
  const { name, id, origin, host, cluster, state, createdAt, retiredAt, options, onRemove, sizeBytes } = tags
  const own: Attributes = {
    name,
    id,
    origin,
    host,
    ...optional('cluster', cluster),
    // A live volume says so: a tag is overwritten more surely than removed.
    state,
    created: createdAt,
    ...optional('retired', retiredAt),
    ...optional('on-remove', onRemove),
    ...optional('size', sizeBytes === undefined ? undefined : String(sizeBytes)),
    ...optionPieces(options),
  }
  return { Name: name, ...Object.fromEntries(Object.entries(own).map(([key, value]) => [`${prefix}${key}`, value])) }
}

/** The same in pieces that fit into tags; they are read again as `options`, `options.2` and so on. */
function optionPieces(options: Attributes): Attributes {
  const text = new URLSearchParams(Object.entries(options).sort()).toString()
  const pieces = text.match(new RegExp(`.{1,${longestValue}}`, 'g')) ?? []
  return Object.fromEntries(pieces.map((piece, index) => [pieceKey(index), piece]))
}

const pieceKey = (index: number) => (index === 0 ? 'options' : `options.${index + 1}`)

/** Whether the options fit into the tags of a volume. */
export function fitsTags(options: Attributes): boolean {
  return Object.keys(optionPieces(options)).length <= mostPieces
}

/** What the tags of a volume say, or undefined when they are not those of a volume of ours: anybody may set tags. */
export function parseVolumeTags(tags: Attributes): VolumeTags | undefined {
  const read = (key: string) => (Object.hasOwn(tags, `${prefix}${key}`) ? tags[`${prefix}${key}`] : undefined)
  const name = read('name')
  const id = read('id')
  const host = read('host')
  const state = read('state')
  const origin = read('origin')
  const createdAt = read('created')
  if (!isVolumeName(name) || id === undefined || !/^[0-9a-f-]{8,64}$/.test(id) || !host) return undefined
  if (state !== 'live' && state !== 'forgotten' && state !== 'trashed') return undefined
  if (origin !== 'created' && origin !== 'adopted') return undefined
  if (!isDate(createdAt)) return undefined
  const retiredAt = read('retired')
  const size = Number(read('size') ?? NaN)
  return {
    ...{ name, id, origin, host, state, createdAt },
    ...optional('cluster', read('cluster')),
    ...optional('retiredAt', isDate(retiredAt) ? retiredAt : undefined),
    options: readOptions(read),
    ...optional(
      'onRemove',
      onRemoveWords.find((word) => word === read('on-remove')),
    ),
    ...optional('sizeBytes', Number.isSafeInteger(size) && size >= 0 ? size : undefined),
  }
}

function readOptions(read: (key: string) => string | undefined): Attributes {
  const pieces = Array.from({ length: mostPieces }, (_, index) => read(pieceKey(index)))
  const end = pieces.indexOf(undefined)
  const text = pieces.slice(0, end < 0 ? mostPieces : end).join('')
  return Object.fromEntries(new URLSearchParams(text))
}

const isDate = (value: string | undefined): value is string =>
  value !== undefined && value.length < 40 && !Number.isNaN(Date.parse(value))

/** The tags of ours that a volume has, to be removed. */
export function ownKeys(tags: Attributes): readonly string[] {
  return Object.keys(tags).filter((key) => key.startsWith(prefix))
}

/** Whose volume it is by its tags, if it is another cluster's or another tool's. */
export function foreignOwner(tags: Attributes): string | undefined {
  const of = Object.keys(tags).find((key) =>
    /^(?:kubernetes\.io\/(?:cluster|created-for)\/|ebs\.csi\.aws\.com\/|KubernetesCluster$|CSIVolumeName$)/.test(key),
  )
  return of === undefined ? undefined : `${of}=${tags[of] ?? ''}`
}

/** The same for every host that makes a volume of that name and owner: 64 hex digits. */
export function creationToken(owner: string, name: VolumeName, generation: number): string {
  return createHash('sha256')
    .update(JSON.stringify([owner, name, generation]))
    .digest('hex')
}
