import { Ec2Failure, invalidValue } from './ec2-failure.js'
import type { QueryParameters } from './query-parameters.js'
import type { InstanceRecord, Tags, VolumeRecord } from './records.js'

/** The values that a row has for a filter of that name. */
type Values<T> = (row: T) => readonly string[]

const volumeValues: ReadonlyMap<string, Values<VolumeRecord>> = new Map<string, Values<VolumeRecord>>([
  ['volume-id', ({ id }) => [id]],
  ['status', ({ state }) => [state]],
  ['availability-zone', ({ zone }) => [zone]],
  ['volume-type', ({ type }) => [type]],
  ['size', ({ sizeGib }) => [String(sizeGib)]],
  ['encrypted', ({ isEncrypted }) => [String(isEncrypted)]],
  ['snapshot-id', ({ snapshotId }) => (snapshotId === undefined ? [] : [snapshotId])],
  ['attachment.instance-id', ({ attachments }) => attachments.map(({ instanceId }) => instanceId)],
  ['attachment.device', ({ attachments }) => attachments.map(({ device }) => device)],
  ['attachment.status', ({ attachments }) => attachments.map(({ state }) => state)],
])

const instanceValues: ReadonlyMap<string, Values<InstanceRecord>> = new Map<string, Values<InstanceRecord>>([
  ['instance-id', ({ id }) => [id]],
  ['instance-state-name', ({ state }) => [state]],
  ['instance-type', ({ type }) => [type]],
  ['availability-zone', ({ zone }) => [zone]],
])

export const filterVolumes = (rows: readonly VolumeRecord[], query: QueryParameters): readonly VolumeRecord[] =>
  filtered(rows, query, volumeValues)

export const filterInstances = (rows: readonly InstanceRecord[], query: QueryParameters): readonly InstanceRecord[] =>
  filtered(rows, query, instanceValues)

/** Rows that pass every filter, each by one of its values at least. */
function filtered<T extends { readonly tags: Tags }>(
  rows: readonly T[],
  query: QueryParameters,
  known: ReadonlyMap<string, Values<T>>,
): readonly T[] {
  const filters = query.structures('Filter').map((filter) => {
    const name = filter.get('Name')
    const patterns = filter.list('Value').map(patternOf)
    if (patterns.length === 0) throw new Ec2Failure('MissingParameter', `The filter '${name}' has no value`)
    if (patterns.length > 200) throw new Ec2Failure('FilterLimitExceeded', 'At most 200 values of filters are allowed.')
    return { values: known.get(name) ?? tagValues(name), patterns }
  })
  return rows.filter((row) =>
    filters.every(({ values, patterns }) => {
      const found = values(row)
      return patterns.some((pattern) => found.some((value) => pattern.test(value)))
    }),
  )
}

function tagValues(name: string): Values<{ readonly tags: Tags }> {
  if (name === 'tag-key') return ({ tags }) => Object.keys(tags)
  if (!name.startsWith('tag:')) throw invalidValue(`The filter '${name}' is invalid`)
  const key = name.slice('tag:'.length)
  return ({ tags }) => Object.entries(tags).flatMap(([each, value]) => (each === key ? [value] : []))
}

/** `*` is any text and `?` any character, unless there is a backslash before it. */
function patternOf(text: string): RegExp {
  const source = text.replaceAll(/\\[*?\\]|[^]/gu, (part) => {
    if (part === '*') return '.*'
    if (part === '?') return '.'
    const plain = part.length > 1 && part.startsWith('\\') ? part.slice(1) : part
    return plain.replace(/[\\^$.*+?()[\]{}|/]/, '\\$&')
  })
  return new RegExp(`^${source}$`, 'su')
}
