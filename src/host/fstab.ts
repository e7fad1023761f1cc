import { readFileSync } from 'node:fs'
import { isErrno } from '../errors.js'
import { findCovering, isBelow, type MountEntry, unescapeField } from './mount-table.js'

/** A mount that this host is to have, see fstab(5). */
export interface ExpectedMount {
  readonly source: string
  readonly mountpoint: string
}

/** What `/etc/fstab` mounts at boot, below the root. Lines that are not a mount's are left out. */
export function parseFstab(text: string): readonly ExpectedMount[] {
  return text.split('\n').flatMap((line) => {
    const [source = '#', mountpoint = '', , options = ''] = line.trim().split(/\s+/).map(unescapeField)
    if (source.startsWith('#') || !/^\/./.test(mountpoint) || options.split(',').includes('noauto')) return []
    return [{ source, mountpoint: mountpoint.replace(/\/+$/, '') }]
  })
}

/** Those of this host. None when it has no such file. */
export function readFstab(path = '/etc/fstab'): readonly ExpectedMount[] {
  try {
    return parseFstab(readFileSync(path, 'utf8'))
  } catch (thrown) {
    if (isErrno(thrown, 'ENOENT', 'EACCES')) return []
    throw thrown
  }
}

/** The mount that `path` is to be on, if it is not there: what is found at the path then lies on another disk. */
export function findMissingMount(
  path: string,
  { expected, mounted }: { readonly expected: readonly ExpectedMount[]; readonly mounted: readonly MountEntry[] },
): ExpectedMount | undefined {
  const covering = expected
    .filter(({ mountpoint }) => isBelow(path, mountpoint))
    .sort((a, b) => b.mountpoint.length - a.mountpoint.length)[0]
  if (covering === undefined) return undefined
  const actual = findCovering(mounted, path)?.mountpoint ?? '/'
  return isBelow(actual, covering.mountpoint) ? undefined : covering
}
