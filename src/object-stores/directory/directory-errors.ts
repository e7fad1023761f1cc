import { codeOf, ConvoyError, type ErrorCode } from '../../errors.js'
import { optional } from '../../model/optional.js'

const noSpace = 'free some space there, or raise the quota'
const noAccess = 'run convoy as a user who may read and write there'
const noFolder = 'somebody else puts things there: move them away'
const noAnswer = 'check the share and its server, then try again'

/** What the system's refusals mean; whatever is not here may work later. */
const meanings: Readonly<Record<string, readonly [ErrorCode, string?]>> = {
  ENOENT: ['not-found'],
  EEXIST: ['already-exists'],
  ENOSPC: ['unavailable', noSpace],
  EDQUOT: ['unavailable', noSpace],
  EROFS: ['unavailable', 'remount the file system read-write'],
  EACCES: ['invalid-argument', noAccess],
  EPERM: ['invalid-argument', noAccess],
  ELOOP: ['invalid-argument', 'a symbolic link in a repository is never followed: put the real thing there'],
  ENOTDIR: ['invalid-argument', noFolder],
  EISDIR: ['invalid-argument', noFolder],
  ENAMETOOLONG: ['invalid-argument', 'use shorter names'],
  EFBIG: ['unsupported', 'use another file system: this one keeps no files of that size'],
  EIO: ['unavailable', 'look at the log of the kernel: the disk may be failing'],
  ESTALE: ['unavailable', noAnswer],
  ETIMEDOUT: ['unavailable', noAnswer],
  EHOSTDOWN: ['unavailable', noAnswer],
  EMFILE: ['unavailable', 'raise the limit of open files: ulimit -n'],
}

/** What failed there, in words: `cannot store data/ab/…`. */
export function directoryError(what: string, url: string, thrown: unknown): ConvoyError {
  if (thrown instanceof ConvoyError) return thrown
  const name = codeOf(thrown)
  const [code, hint] = meanings[name] ?? [name === '' ? 'internal' : 'unavailable', undefined]
  const reason = words[name] ?? (name === '' && thrown instanceof Error ? thrown.message : name)
  return new ConvoyError(code, `cannot ${what} in ${url}: ${reason}`, { ...optional('hint', hint), cause: thrown })
}

const words: Readonly<Record<string, string>> = {
  ENOENT: 'it is not there',
  EEXIST: 'it is there already',
  ENOSPC: 'no space is left',
  EDQUOT: 'the quota is used up',
  EROFS: 'the file system is read-only',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ELOOP: 'there is a symbolic link on the way',
  ENOTDIR: 'something on the way is no directory',
  EISDIR: 'a directory is in the way',
  EIO: 'the disk has an error (EIO)',
}
