import { dirname } from 'node:path'
import { codeOf, ConvoyError } from '../../errors.js'
import { DirectoryHandle } from '../../host/directory-handle.js'
import { statFd } from '../../host/posix.js'
import { isSameFile } from './same-file.js'

const parentName = Buffer.from('..')

/**
 * The directory to back up, open. ConvoyError `not-found` or `invalid-argument` when it is none, or when the destination, where that is a
 * directory of this host, lies in it.
 */
export function openSource(path: string, destinationPath: string | undefined): DirectoryHandle {
  const source = open(path)
  try {
    if (destinationPath !== undefined && isWithin(destinationPath, source))
      throw new ConvoyError(
        'invalid-argument',
        `the destination ${destinationPath} lies in ${path}, which it shall hold`,
        {
          hint: 'a backup that contains itself never ends; use another place',
        },
      )
    return source
  } catch (thrown) {
    source.release()
    throw thrown
  }
}

function open(path: string): DirectoryHandle {
  try {
    return DirectoryHandle.openRoot(path)
  } catch (cause) {
    const code = codeOf(cause)
    if (code === 'ENOENT') throw new ConvoyError('not-found', `there is no ${path} to back up`, { cause })
    if (code === 'ENOTDIR') throw new ConvoyError('invalid-argument', `${path} is no directory`, { cause })
    throw new ConvoyError('invalid-argument', `${path} cannot be opened: ${code}`, { cause })
  }
}

/** By what the directories are, not by what they are called: links and mounts lead anywhere. */
function isWithin(path: string, directory: DirectoryHandle): boolean {
  const wanted = statFd(directory.fd)
  let current = findDirectory(path)
  while (current !== undefined) {
    const record = statFd(current.fd)
    const above = current.openChild(parentName)
    current.release()
    const isRoot = isSameFile(statFd(above.fd), record)
    if (isRoot || isSameFile(record, wanted)) {
      above.release()
      return isSameFile(record, wanted)
    }
    current = above
  }
  return false
}

/** Its own, or the nearest above it: what is not there yet is made there, or its opening says what is wrong. */
function findDirectory(path: string): DirectoryHandle | undefined {
  try {
    return DirectoryHandle.openRoot(path)
  } catch {
    const above = dirname(path)
    return above === path ? undefined : findDirectory(above)
  }
}
