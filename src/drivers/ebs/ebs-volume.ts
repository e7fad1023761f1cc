import { ConvoyError } from '../../errors.js'
import type { DiscoveredVolume } from '../driver.js'
import { optional } from '../../model/optional.js'
import type { Attributes, VolumeHandle } from '../../model/volume.js'
import type { Logger } from '../../model/call-context.js'
import type { Owner } from './ebs-deps.js'
import type { Ec2Attachment, Ec2Instance, Ec2Volume } from './ec2-api.js'
import { findTodaysNames } from './old-ebs-options.js'
import { parseVolumeTags, type VolumeTags } from './volume-tags.js'

/** Where the data is on a file system that we made: `lost+found` stays out of sight. */
export const dataDirectory = '_data'

/** A volume that bears our tags. */
export interface OwnVolume {
  readonly volume: Ec2Volume
  readonly tags: VolumeTags
  /** Its tags are known here alone: EC2 did not let us set them. */
  readonly isUnmarked?: true
}

/** `vol-0123456789abcdef0`; ConvoyError `internal` for a handle that has none yet. */
export function volumeIdOf({ name, attributes }: VolumeHandle): string {
  const id = attributes['volume']
  if (id !== undefined) return id
  throw new ConvoyError('internal', `nothing says which volume of EBS "${name}" is`)
}

/** Whether EC2 knows nothing of its being a volume of ours: see {@link OwnVolume.isUnmarked}. */
export const isUnmarked = ({ attributes }: VolumeHandle): boolean => attributes['unmarked'] === 'true'

export function handleOf({ volume, tags, isUnmarked }: OwnVolume): VolumeHandle {
  const attributes = { ...attributesOf(volume, tags), ...(isUnmarked === true ? { unmarked: 'true' } : {}) }
  return { name: tags.name, id: tags.id, attributes }
}

/** Options that say how a disk is formatted and mounted: whoever attaches it first needs them. */
const ofFileSystem = ['fsType', 'mkfsOptions', 'mountOptions', 'uid', 'gid', 'mode'] as const

function attributesOf({ id, zone, snapshotId }: Ec2Volume, { origin, options }: VolumeTags): Attributes {
  const isOurFileSystem = origin === 'created' && snapshotId === undefined
  return {
    volume: id,
    zone,
    subdirectory: isOurFileSystem ? dataDirectory : '',
    ...optional('snapshot', snapshotId),
    // What is no set of options says nothing.
    ...fileSystemOptionsOf(findTodaysNames(options) ?? {}),
  }
}

/** Those among attributes or options. */
export function fileSystemOptionsOf(texts: Attributes): Attributes {
  return Object.assign({}, ...ofFileSystem.map((name) => optional(name, texts[name]))) as Attributes
}

export function discoveredOf(own: OwnVolume): DiscoveredVolume {
  const { state, createdAt, options, onRemove, retiredAt, origin, sizeBytes } = own.tags
  return {
    handle: handleOf(own),
    origin,
    state,
    createdAt,
    options,
    ...optional('onRemove', onRemove),
    ...optional('retiredAt', state === 'live' ? undefined : retiredAt),
    ...optional('sizeBytes', sizeBytes),
  }
}

/** The volumes of the owner among them, without those that are on their way out. */
export function ownAmong(volumes: readonly Ec2Volume[], owner: Owner): readonly OwnVolume[] {
  return volumes.flatMap((volume) => {
    const tags = parseVolumeTags(volume.tags)
    return tags === undefined || isGoing(volume) || !isOf(tags, owner) ? [] : [{ volume, tags }]
  })
}

/** Without those that bear the mark of one volume together: which of them is meant, nobody here can say. */
export function unambiguous(own: readonly OwnVolume[], log: Logger): readonly OwnVolume[] {
  const counts = new Map<string, number>()
  for (const { tags } of own) counts.set(tags.id, (counts.get(tags.id) ?? 0) + 1)
  const doubled = own.filter(({ tags }) => counts.get(tags.id) !== 1)
  for (const { volume, tags } of doubled) {
    log.warn({ volume: tags.name, id: volume.id }, 'left out: another volume has the same tag convoy:id')
  }
  return own.filter((one) => !doubled.includes(one))
}

export function isOf(tags: VolumeTags, owner: Owner): boolean {
  return owner.cluster === undefined
    ? tags.cluster === undefined && tags.host === owner.host
    : tags.cluster === owner.cluster
}

export const isGoing = ({ state }: Ec2Volume) => state === 'deleting' || state === 'deleted' || state === 'error'

/** What has it, is getting it, or is being made to let go of it. */
export const holdersOf = ({ attachments }: Pick<Ec2Volume, 'attachments'>): readonly Ec2Attachment[] =>
  attachments.filter(({ state }) => state !== 'detached')

/** `i-0123 (web-1)` */
export const nameInstance = (id: string, instance: Ec2Instance | undefined): string =>
  instance?.name === undefined ? id : `${id} (${instance.name})`

/** `i-0123 since 2026-…`, of everything that has it. */
export function describeHolders({ attachments }: Pick<Ec2Volume, 'attachments'>): string {
  return attachments
    .map(({ instanceId, since, state }) => `${instanceId}${since === undefined ? '' : ` since ${since}`} (${state})`)
    .join(', ')
}
