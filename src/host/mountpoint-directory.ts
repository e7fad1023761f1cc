import { accessSync, chmodSync, constants, existsSync, lstatSync, mkdirSync, realpathSync, rmdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { codeOf, ConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import { runProgram } from './exec.js'

const sealTimeoutMs = 10_000

/** Closed to everybody: what is written there while nothing is mounted would fill the root disk, unseen. */
export function makeMountpoint(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    // mount(8) would follow it, and the mount table show a path that nobody looks for.
    if (realpathSync(dirname(path)) !== dirname(path)) throw new Error('its path leads through a symbolic link')
    mkdirSync(path, { recursive: true, mode: 0 })
    const status = lstatSync(path)
    if (!status.isDirectory()) throw new Error('not a directory')
    // One that is sealed cannot be changed.
    if ((status.mode & 0o7777) !== 0) chmodSync(path, 0)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ConvoyError('unavailable', `cannot make the mountpoint "${path}": ${reason}`, { cause })
  }
}

/** What its mode does not keep root from, this does; where the file system has no such thing, nothing does. */
export async function sealMountpoint(path: string): Promise<void> {
  if (isWritable(path)) await changeSeal('+i', path)
}

/** Keeps a directory that is not empty: something was written there while nothing was mounted. */
export async function removeMountpoint(path: string, call: CallContext): Promise<void> {
  try {
    if (existsSync(path) && !isWritable(path)) await changeSeal('-i', path)
    rmdirSync(path)
  } catch (thrown) {
    const code = codeOf(thrown)
    if (code !== 'ENOENT') call.log.warn({ mountpoint: path, code }, 'mountpoint directory stays')
  }
}

async function changeSeal(change: '+i' | '-i', path: string): Promise<void> {
  await runProgram('chattr', [change, path], { timeoutMs: sealTimeoutMs }).catch(() => undefined)
}

/** Of root only the seal says no. */
function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
