import { getXattrs, getXattrsAt, readLinkAt } from '../../host/posix.js'
import { recordDeviceNumber, statBlockBytes } from '../../host/stat-record.js'
import type { BackupProblems } from './backup-problems.js'
import type { EntryBody } from '../format/entry-body.js'
import type { FileType } from '../format/file-types.js'
import { ManifestEntry } from '../format/manifest-entry.js'
import { readXattrs } from './read-xattrs.js'
import type { WalkedFile } from './tree-walk.js'

/** The entry of a further name of a file. */
export function hardLinkEntry({ path, record }: WalkedFile, first: Buffer): ManifestEntry {
  const stat = record.subarray(0, statBlockBytes)
  return ManifestEntry.of({ path, type: 'h', stat, body: { form: 'hard-link', first } })
}

/** The entry of what has no content to be read: anything but files, and empty files. Undefined when it cannot be looked at. */
export function entryOf(file: WalkedFile, type: FileType, problems: BackupProblems): ManifestEntry | undefined {
  const { path, directory, name, record } = file
  const onFailure = (thrown: unknown) => problems.addFailure(path, thrown)
  try {
    const body = bodyOf(file, type)
    const read = () => (path.length === 0 ? getXattrs(directory.fd) : getXattrsAt(directory.fd, name))
    const xattrs = readXattrs(read, onFailure)
    return ManifestEntry.of({ path, type, stat: record.subarray(0, statBlockBytes), body, xattrs })
  } catch (thrown) {
    onFailure(thrown)
    return undefined
  }
}

/** Throws what the system says. */
function bodyOf({ directory, name, record }: WalkedFile, type: FileType): EntryBody {
  switch (type) {
    case 'f':
      return { form: 'empty' }
    case 'l':
      return { form: 'symlink', target: readLinkAt(directory.fd, name) }
    case 'c':
    case 'b':
      return { form: 'device', ...recordDeviceNumber(record) }
    case 'd':
    case 'p':
    case 's':
      return { form: 'none' }
  }
}
