import { chmodSync, lstatSync, mkdirSync, realpathSync, rmdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { codeOf, ConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'

/** Closed to everybody: what is written there while nothing is mounted would fill the root disk, unseen. */
export function makeMountpoint(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    // mount(8) would follow it, and the mount table show a path that nobody looks for.
    if (realpathSync(dirname(path)) !== dirname(path)) throw new Error('its path leads through a symbolic link')
    mkdirSync(path, { recursive: true, mode: 0 })
    if (!lstatSync(path).isDirectory()) throw new Error('not a directory')
    chmodSync(path, 0)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConvoyError('unavailable', `cannot make the mountpoint "${path}": ${reason}`, { cause })
  }
}

/** Keeps a directory that is not empty: something was written there while nothing was mounted. */
export function removeMountpoint(path: string, call: CallContext): void {
  try {
    rmdirSync(path)
  } catch (thrown) {
    const code = codeOf(thrown)
    if (code !== 'ENOENT') call.log.warn({ mountpoint: path, code }, 'mountpoint directory stays')
  }
}
