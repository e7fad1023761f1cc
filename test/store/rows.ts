import fc from 'fast-check'
import type { Job, JobState } from '../../src/model/job.js'
import type { MountReference } from '../../src/model/mount.js'
import { parseMountId } from '../../src/model/mount.js'
import { onRemoveWords, type TrashedVolume, type Volume, type VolumeState } from '../../src/model/volume.js'
import { parseVolumeName } from '../../src/model/volume-name.js'
import type { LedgerContents, LedgerWrite, Setting } from '../../src/store/ledger-write.js'

export const volumeNames = fc
  .tuple(
    fc.constantFrom('a', 'B', '7'),
    fc.string({ unit: fc.constantFrom('a', 'b', 'X', 'Z', '0', '9', '_', '.', '-'), maxLength: 20 }),
  )
  .map(([first, rest]) => parseVolumeName(first + rest))
const ids = fc.uuid()
const times = fc
  .date({ min: new Date(0), max: new Date('2100-01-01'), noInvalidDate: true })
  .map((d) => d.toISOString())
const texts = fc.string({ unit: 'binary', maxLength: 30 }).filter((text) => !/\p{Surrogate}/u.test(text))
const counts = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
/** Texts of any kind under names of any kind: sidecars come from other hosts. */
export const attributes = fc.dictionary(texts, texts, { maxKeys: 4, noNullPrototype: true })

const onRemove = fc.constantFrom(...onRemoveWords)
const states: readonly VolumeState[] = [
  ...(['creating', 'ready', 'attaching', 'attached', 'detaching', 'forgetting', 'trashing'] as const),
  ...(['forgotten', 'reviving', 'undeleting', 'renaming'] as const),
]

const handles = { name: volumeNames, id: ids, attributes }

export const volumes: fc.Arbitrary<Volume> = fc.record(
  {
    ...handles,
    driver: fc.constantFrom('vfs', 'ebs'),
    state: fc.constantFrom(...states),
    createdAt: times,
    options: attributes,
    origin: fc.constantFrom('created' as const, 'adopted' as const),
    onRemove,
    mountpoint: texts,
    sizeBytes: counts,
    renameTo: volumeNames,
    resizeTo: counts,
  },
  {
    requiredKeys: ['name', 'id', 'attributes', 'driver', 'state', 'createdAt', 'options', 'origin'],
    noNullPrototype: true,
  },
)

export const mounts: fc.Arbitrary<MountReference> = fc.record(
  {
    volume: volumeNames,
    id: fc.stringMatching(/^[0-9a-f]{64}$/).map(parseMountId),
    count: fc.integer({ min: 1, max: 1000 }),
    epoch: counts,
    mountedAt: times,
  },
  { noNullPrototype: true },
)

export const trashed: fc.Arbitrary<TrashedVolume> = fc.record(
  {
    ...handles,
    driver: fc.constantFrom('vfs', 'ebs'),
    state: fc.constantFrom('trashed' as const, 'deleting' as const),
    createdAt: times,
    options: attributes,
    onRemove,
    sizeBytes: counts,
    trashedAt: times,
    expiresAt: times,
  },
  {
    requiredKeys: ['name', 'id', 'attributes', 'driver', 'state', 'createdAt', 'options', 'trashedAt', 'expiresAt'],
    noNullPrototype: true,
  },
)

const jobStates: readonly JobState[] = ['queued', 'running', 'succeeded', 'failed', 'cancelled']

export const jobs: fc.Arbitrary<Job> = fc.record(
  {
    id: ids,
    request: fc.record(
      {
        kind: fc.constant('remove' as const),
        driver: fc.constant('vfs'),
        volume: fc.record(handles, { noNullPrototype: true }),
      },
      { noNullPrototype: true },
    ),
    state: fc.constantFrom(...jobStates),
    createdAt: times,
    startedAt: times,
    finishedAt: times,
    attempts: fc.integer({ min: 0, max: 9 }),
    process: fc
      .tuple(fc.integer({ min: 1, max: 4_194_304 }), counts)
      .map(([pid, ticks]) => ({ pid, startTime: String(ticks) })),
    error: texts,
  },
  { requiredKeys: ['id', 'request', 'state', 'createdAt', 'attempts'], noNullPrototype: true },
)

const settings = fc.constantFrom<Setting>('host-id', 'epoch', 'boot-id', 'discovered')

/** Any write there is: one that this does not produce is a kind of row that no property covers. */
export const writes: fc.Arbitrary<LedgerWrite> = fc.oneof(
  volumes.map((row) => ({ put: 'volume', row }) as const),
  mounts.map((row) => ({ put: 'mount', row }) as const),
  trashed.map((row) => ({ put: 'trash', row }) as const),
  jobs.map((row) => ({ put: 'job', row }) as const),
  fc.tuple(ids, attributes).map(([id, notes]) => ({ put: 'journal', id, notes }) as const),
  fc.tuple(settings, texts).map(([key, value]) => ({ put: 'setting', key, value }) as const),
)

/** The write that takes the row of a put away again; a setting stays. */
export function removalOf(write: LedgerWrite): LedgerWrite | undefined {
  if (!('put' in write)) return undefined
  switch (write.put) {
    case 'volume':
      return { remove: 'volume', name: write.row.name }
    case 'mount':
      return { remove: 'mount', volume: write.row.volume, id: write.row.id }
    case 'trash':
      return { remove: 'trash', id: write.row.id }
    case 'job':
      return { remove: 'job', id: write.row.id }
    case 'journal':
      return { remove: 'journal', id: write.id }
    case 'setting':
    case 'event':
      return undefined
  }
}

export const emptyContents: LedgerContents = {
  volumes: [],
  mounts: [],
  trash: [],
  jobs: [],
  journals: [],
  settings: [],
  lastEventId: 0,
}

/** A volume as `docker volume create` leaves it. */
export function volumeRow(name: string, more: Partial<Volume> = {}): Volume {
  return {
    name: parseVolumeName(name),
    id: `00000000-0000-4000-8000-${Buffer.from(name).toString('hex').padEnd(12, '0').slice(0, 12)}`,
    attributes: { directory: name },
    driver: 'vfs',
    state: 'ready',
    createdAt: '2026-11-20T07:00:00.000Z',
    options: {},
    origin: 'created',
    ...more,
  }
}

export const putVolume = (name: string, more: Partial<Volume> = {}) =>
  ({ put: 'volume', row: volumeRow(name, more) }) as const
