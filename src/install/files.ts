import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { dirname } from 'node:path'
import { isErrno } from '../errors.js'

/** Undefined when there is no file. */
export function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (thrown) {
    if (isErrno(thrown, 'ENOENT')) return undefined
    throw thrown
  }
}

/** Undefined when there is no symbolic link. */
export function readLink(path: string): string | undefined {
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
  return isLink ? readlinkSync(path) : undefined
}

/** Names of the directories in a directory, which need not be there. */
export function readDirectories(path: string): readonly string[] {
  if (!existsSync(path)) return []
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
}

/** The directory that holds the path, or would hold what has to be made for it. */
export function nearestDirectory(path: string): string {
  const directory = dirname(path)
  return existsSync(directory) ? directory : nearestDirectory(directory)
}
