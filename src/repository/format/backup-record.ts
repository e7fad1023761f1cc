import { isVolumeName, parseVolumeName, type VolumeName } from '../../model/volume-name.js'
import { averageLog2Limits } from './chunker.js'
import { damaged } from './damage.js'
import { JsonFields } from './json-fields.js'
import { optional } from '../../model/optional.js'

export interface BackupStats {
  readonly files: number
  readonly directories: number
  /** Links, devices, fifos and sockets. */
  readonly others: number
  /** Of all files, as `ls -l` shows them. */
  readonly bytes: number
  /** Of these, in chunks that were not in the repository. */
  readonly newBytes: number
  /** What this backup added to the store, packs and all. */
  readonly storedBytes: number
  readonly filesNew: number
  readonly filesChanged: number
  readonly filesUnchanged: number
}

/** Something that is not in the backup, or not as it should be. */
export interface BackupProblem {
  /** For people: what is no text in it is escaped. */
  readonly path: string
  /** An error of the system such as EACCES, or a word such as `changed`. */
  readonly code: string
  readonly message: string
}

/** What makes a backup one: it is there if and only if this is stored, which happens last. */
export interface BackupRecord {
  readonly volume: VolumeName
  readonly name: string
  /** When the walk began, by the clock of the host. For people, and to tell files that changed since. */
  readonly createdAtMs: number
  readonly host: string
  /** Program and version that wrote it. */
  readonly tool: string
  /** What was backed up, as it was given. */
  readonly path: string
  /** The id of the shard list. */
  readonly tree: Buffer
  readonly averageLog2?: number
  readonly excludes: readonly string[]
  readonly tags: readonly string[]
  readonly stats: BackupStats
  /** At most {@link mostListedProblems} of them. */
  readonly problems: readonly BackupProblem[]
  readonly problemCount: number
  /** Whether everything is in it that was asked for. */
  readonly isComplete: boolean
  /** The backup of the same volume that it was compared with. */
  readonly parent?: string
}

export const mostListedProblems = 1000

const counts = [
  'files',
  'directories',
  'others',
  'bytes',
  'newBytes',
  'storedBytes',
  'filesNew',
  'filesChanged',
  'filesUnchanged',
] as const satisfies readonly (keyof BackupStats)[]

const hexId = /^[0-9a-f]{64}$/

const prefix = 'backups/'

export function recordKey(volume: string, name: string): string {
  return `${prefix}${volume}/${name}`
}

/** Undefined for a key that is no record's. Names of backups follow the rule of names of volumes. */
export function findBackupOfKey(key: string): { readonly volume: VolumeName; readonly name: string } | undefined {
  const [first, volume, name, ...rest] = key.split('/')
  if (`${first}/` !== prefix || !isVolumeName(volume) || !isVolumeName(name) || rest.length > 0) return undefined
  return { volume, name }
}

export function encodeBackupRecord(record: BackupRecord): Buffer {
  const problems = record.problems.slice(0, mostListedProblems)
  return Buffer.from(
    JSON.stringify({ format: 1, requires: [], ...record, problems, tree: record.tree.toString('hex') }),
  )
}

/**
 * What the record of that backup says. ConvoyError `damaged` for what is none, or is that of another backup; `unsupported` when a
 * later version wrote it.
 */
export function parseBackupRecord(
  payload: Buffer,
  expected: { readonly volume: string; readonly name: string },
): BackupRecord {
  const what = `the record of backup ${expected.name} of volume ${expected.volume}`
  const fields = JsonFields.parse(what, payload)
  fields.requireKnownFormat()
  if (fields.text('volume') !== expected.volume || fields.text('name') !== expected.name)
    throw damaged(`${what} is that of another backup`)
  const problems = fields.objects('problems')
  if (problems.length > mostListedProblems) throw damaged(`${what} lists too many problems`)
  return {
    volume: parseVolumeName(expected.volume),
    name: expected.name,
    createdAtMs: fields.count('createdAtMs'),
    host: fields.text('host'),
    tool: fields.text('tool'),
    path: fields.text('path'),
    tree: Buffer.from(fields.text('tree', hexId), 'hex'),
    ...optional('averageLog2', averageOf(fields)),
    excludes: fields.texts('excludes'),
    tags: fields.texts('tags'),
    stats: parseStats(fields.object('stats')),
    problems: problems.map((one) => ({ path: one.text('path'), code: one.text('code'), message: one.text('message') })),
    problemCount: fields.count('problemCount', undefined, problems.length),
    isComplete: fields.flag('isComplete'),
    ...optional('parent', fields.has('parent') ? parentOf(fields) : undefined),
  }
}

function averageOf(fields: JsonFields): number | undefined {
  const { least, most } = averageLog2Limits
  return fields.has('averageLog2') ? fields.count('averageLog2', most, least) : undefined
}

function parentOf(fields: JsonFields): string {
  const parent = fields.text('parent')
  if (!isVolumeName(parent)) throw damaged('a record names a parent that no backup can be')
  return parent
}

function parseStats(fields: JsonFields): BackupStats {
  // Each of the counts is there.
  return Object.fromEntries(counts.map((name) => [name, fields.count(name)])) as Record<keyof BackupStats, number>
}
