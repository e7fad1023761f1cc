import { linkSync, lstatSync, mkdirSync, unlinkSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { ConvoyError, isErrno } from '../errors.js'
import { probeSocket } from './sockets.js'

/** Removes a socket that nobody listens on. ConvoyError `in-use` for anything else. */
export async function removeDeadSocket(path: string): Promise<void> {
  const isSocket = lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true
  if (!isSocket || (await probeSocket(path)) !== 'dead') {
    throw new ConvoyError('in-use', `${path} is not a socket that nobody listens on: it stays`)
  }
  unlinkSync(path)
}

/** Renames a file so that Docker does not find it. ConvoyError `already-exists` when the new name is taken. */
export function setAside(path: string): void {
  translated(path, () => {
    // Not a rename, which would replace what has the name.
    linkSync(path, `${path}.disabled`)
    unlinkSync(path)
  })
}

/** ConvoyError `already-exists` when there is such a file. */
export function writeNew(path: string, text: string): void {
  translated(path, () => {
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 })
    writeFileSync(path, text, { flag: 'wx', mode: 0o644 })
  })
}

function translated(path: string, act: () => void): void {
  try {
    act()
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    throw new ConvoyError(
      isErrno(thrown, 'EEXIST') ? 'already-exists' : 'unavailable',
      `${path} stays as it is: ${message}`,
      {
        cause: thrown,
      },
    )
  }
}
