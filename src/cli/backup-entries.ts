import { formatSize } from '../model/size.js'
import type { TreeDifference } from '../repository/queries/diff-trees.js'
import type { EntryType } from '../repository/format/entry-check.js'
import type { ManifestEntry } from '../repository/format/manifest-entry.js'
import { statGid, statMode, statMtimeSec, statUid } from '../repository/format/stat-block.js'
import { showPath } from '../repository/format/tree-path.js'
import type { Colour } from './colour.js'
import type { Listing } from './listing.js'
import type { Row } from './template.js'

/** What `ls` and `find` show of a backup. */
export const entryListing: Listing = {
  columns: [
    { heading: 'MODE', field: 'Mode', importance: 2 },
    { heading: 'OWNER', field: 'Owner', importance: 1 },
    { heading: 'SIZE', field: 'Size', importance: 4 },
    { heading: 'MODIFIED', field: 'Modified', importance: 3 },
    { heading: 'PATH', field: 'Shown' },
  ],
  fields: ['Path', 'Shown', 'Target', 'Type', 'Mode', 'Owner', 'Size', 'SizeBytes', 'Modified', 'ModifiedAt'],
  key: 'Path',
}

const types: Readonly<Record<EntryType, readonly [letter: string, word: string]>> = {
  f: ['-', 'file'],
  d: ['d', 'directory'],
  l: ['l', 'symlink'],
  h: ['-', 'hard link'],
  c: ['c', 'character device'],
  b: ['b', 'block device'],
  p: ['p', 'fifo'],
  s: ['s', 'socket'],
}

export function rowOfEntry(entry: ManifestEntry): Row {
  const { path, type, stat, sizeBytes } = entry
  const [letter, word] = types[type]
  const target = targetOf(entry)
  const modified = timeOf(stat)
  const isFile = type === 'f' || type === 'h'
  return {
    Path: showPath(path),
    Shown: target === undefined ? showPath(path) : `${showPath(path)} ${type === 'l' ? '->' : '='} ${target}`,
    Target: target,
    Type: word,
    Mode: `${letter}${describeMode(statMode(stat))}`,
    Owner: `${statUid(stat)}:${statGid(stat)}`,
    Size: isFile ? formatSize(sizeBytes) : '',
    SizeBytes: isFile ? sizeBytes : undefined,
    Modified: modified?.slice(0, 16).replace('T', ' ') ?? '',
    ModifiedAt: modified,
  }
}

function targetOf({ body }: ManifestEntry): string | undefined {
  if (body.form === 'symlink') return showPath(body.target)
  return body.form === 'hard-link' ? showPath(body.first) : undefined
}

/** Undefined for a time beyond all dates. */
function timeOf(stat: Buffer): string | undefined {
  const time = new Date(Number(statMtimeSec(stat)) * 1000)
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString()
}

/** `rwsr-xr-t`, as `ls -l` has it. */
function describeMode(mode: number): string {
  const triple = (shift: number, special: number, letter: string) => {
    const bits = mode >> shift
    const mark = (mode & special) === 0 ? undefined : letter
    const run = (bits & 1) === 0 ? (mark?.toUpperCase() ?? '-') : (mark ?? 'x')
    return `${(bits & 4) === 0 ? '-' : 'r'}${(bits & 2) === 0 ? '-' : 'w'}${run}`
  }
  return triple(6, 0o4000, 's') + triple(3, 0o2000, 's') + triple(0, 0o1000, 't')
}

/** What `diff` shows. */
export const changeListing: Listing = {
  columns: [
    { heading: 'CHANGE', field: 'Change', colourOf: colourOfChange },
    { heading: 'SIZE', field: 'Size', importance: 1 },
    { heading: 'PATH', field: 'Path' },
  ],
  fields: ['Change', 'Path', 'Size', 'SizeBefore', 'SizeAfter'],
  key: 'Path',
}

function colourOfChange(change: string): Colour | undefined {
  if (change === 'added') return 'green'
  return change === 'removed' ? 'red' : 'yellow'
}

export function rowOfChange({ path, change, before, after }: TreeDifference): Row {
  const [sizeBefore, sizeAfter] = [before, after].map((entry) => (entry?.type === 'f' ? entry.sizeBytes : undefined))
  const size = sizeAfter ?? sizeBefore
  return {
    Change: change,
    Path: showPath(path),
    Size: size === undefined ? '' : formatSize(size),
    SizeBefore: sizeBefore,
    SizeAfter: sizeAfter,
  }
}
