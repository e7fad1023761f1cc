import type { Xattr as PosixXattr } from '../../host/posix.js'
import type { Xattr } from '../format/entry-body.js'

/** Extended attributes as a manifest has them; none when they cannot be read. */
export function readXattrs(
  read: () => readonly PosixXattr[] | undefined,
  onFailure: (thrown: unknown) => void,
): readonly Xattr[] {
  try {
    return (read() ?? []).map(([name, value]) => ({ name, value }))
  } catch (thrown) {
    onFailure(thrown)
    return []
  }
}
