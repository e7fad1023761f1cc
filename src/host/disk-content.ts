import { ConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { DiskContent } from './block-devices.js'
import { bothEnds, type PinnedDisk, pinnedPath } from './pinned-disk.js'

/** A volume restored from a snapshot fetches each block from afar when it is first read. */
const timeoutMs = 60_000

/** What blkid(8) exits with. */
const blkidExit = { found: 0, nothing: 2, ambivalent: 8 } as const

const printable = /^[\x20-\x7e]+$/
const typeName = /^[A-Za-z0-9_]{1,32}$/

/** See {@link BlockDevices.examine}. What blkid finds nothing on may be unreadable as well: only zeros that were read are blank. */
export async function examineDisk(disk: PinnedDisk, call: CallContext): Promise<DiskContent> {
  const named = await probe(disk, call)
  if (named !== undefined) return named
  const zeros = await disk.run({ words: [bothEnds], timeoutMs }, call)
  if (zeros.exitCode === 0) return { kind: 'blank' }
  if (/^- \/dev\/zero differ: /m.test(zeros.stdout)) return { kind: 'unknown', description: 'data of no known format' }
  throw unreadable(disk, disk.complaint(zeros))
}

/** See {@link BlockDevices.identify}. */
export async function identifyDisk(disk: PinnedDisk, call: CallContext): Promise<DiskContent> {
  return (await probe(disk, call)) ?? { kind: 'unknown', description: 'nothing that has a name' }
}

/** What has a name. */
async function probe(disk: PinnedDisk, call: CallContext): Promise<DiskContent | undefined> {
  const answer = await disk.run({ words: ['blkid', '-p', '-o', 'export', pinnedPath], timeoutMs }, call)
  if (answer.exitCode === blkidExit.found) return contentOf(answer.stdout)
  if (answer.exitCode === blkidExit.ambivalent) return { kind: 'unknown', description: 'signatures of several formats' }
  if (answer.exitCode !== blkidExit.nothing) throw unreadable(disk, disk.complaint(answer))
  return undefined
}

function unreadable(disk: PinnedDisk, reason: string): ConvoyError {
  return new ConvoyError('unavailable', `the disk ${disk.path} cannot be read: ${reason}`)
}

/** Of `blkid -p -o export`. Labels are made by whoever wrote the disk, so whatever looks odd is unknown. */
export function contentOf(output: string): DiskContent {
  const pairs = output.split('\n').flatMap(pairsOf)
  const found = new Map(pairs)
  const type = found.get('TYPE') ?? ''
  if (found.size !== pairs.length) return { kind: 'unknown', description: 'a signature that contradicts itself' }
  if (found.has('PTTYPE')) return { kind: 'unknown', description: `a partition table${named(found.get('PTTYPE'))}` }
  if (found.get('USAGE') !== 'filesystem' || !typeName.test(type))
    return { kind: 'unknown', description: describe(found) }
  return { kind: 'file-system', fsType: type, ...text('label', found.get('LABEL')), ...text('uuid', found.get('UUID')) }
}

function pairsOf(line: string): readonly (readonly [string, string])[] {
  const [, key, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? []
  // A space and what a shell might take for its own come with a backslash, and what cannot be printed as `^J`.
  return key === undefined || value === undefined ? [] : [[key, value.replaceAll(/\\(.)/g, '$1')]]
}

const usages: Readonly<Record<string, string>> = { crypto: 'an encrypted disk', raid: 'a member of a group of disks' }

function describe(found: ReadonlyMap<string, string>): string {
  const usage = found.get('USAGE') ?? ''
  return `${Object.hasOwn(usages, usage) ? usages[usage] : 'a signature'}${named(found.get('TYPE'))}`
}

const named = (type: string | undefined) => (type !== undefined && typeName.test(type) ? ` (${type})` : '')

function text<Key extends string>(key: Key, value: string | undefined): Partial<Record<Key, string>> {
  if (value === undefined || !printable.test(value)) return {}
  // TypeScript takes a computed key for any string.
  return { [key]: value } as Partial<Record<Key, string>>
}
