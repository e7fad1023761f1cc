import { ConvoyError } from '../../errors.js'
import { optional } from '../../model/optional.js'
import type { Refusal } from './restore-finish.js'
import { showPath } from '../format/tree-path.js'

/** Calls without which a file is not what it was at all: the restore ends. Others leave something of its attributes away. */
const vital: ReadonlySet<string> = new Set([
  'openat',
  'write',
  'mkdirat',
  'ftruncate',
  'symlinkat',
  'linkat',
  'mknodat',
  'close',
])

export const isVital = ({ call }: Refusal) => vital.has(call)

/** Of what ends a restore. */
export function refusalError(path: Buffer, refusal: Refusal, cause?: unknown): ConvoyError {
  const { text, ...hint } = refusalText(refusal)
  return new ConvoyError('unavailable', `cannot restore ${JSON.stringify(showPath(path))}: ${text}`, { ...hint, cause })
}

/** What the system said, for people, and what they can do. */
export function refusalText({ reason, call }: Refusal): { readonly text: string; readonly hint?: string } {
  const [text, hint] = reasons[reason] ?? [`${reason} (${call})`]
  return { text, ...optional('hint', hint) }
}

/** How a missing attribute is told. */
export function attributeMessage({ call, reason }: Refusal): string {
  return `${attributes[call] ?? call} could not be set (${reason})`
}

const attributes: Readonly<Record<string, string>> = {
  fchown: 'its owner',
  fchownat: 'its owner',
  fchmod: 'its mode',
  fchmodat: 'its mode',
  futimens: 'its time of modification',
  utimensat: 'its time of modification',
}

const noSpace = 'free some space there, or restore to another file system'
const reasons: Readonly<Record<string, readonly [text: string, hint?: string]>> = {
  EACCES: ['permission denied'],
  EDQUOT: ['the quota is used up', noSpace],
  EEXIST: [
    'there is such a name already',
    'the file system may not tell upper from lower case; restore to one that does, or only some of the paths',
  ],
  EFBIG: ['the file system takes no files of that size'],
  EINVAL: ['the file system does not take that name', 'restore to another file system'],
  EILSEQ: ['the file system does not take that name', 'restore to another file system'],
  EIO: ['input/output error', 'the log of the kernel (dmesg) says more'],
  EMFILE: ['too many open files', 'raise the limit: ulimit -n'],
  EMLINK: ['the file system takes no more links to that file', 'restore to another file system'],
  ENAMETOOLONG: ['the name is too long for the file system', 'restore to another file system'],
  ENOSPC: ['no space is left', noSpace],
  EPERM: ['not permitted'],
  EROFS: ['the file system is read-only'],
}
