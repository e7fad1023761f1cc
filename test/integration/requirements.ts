import { accessSync, readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { findProgram } from '../../src/host/exec.js'

export interface Requirements {
  readonly root?: boolean
  /** Programs that must be installed. */
  readonly commands?: readonly string[]
  /** File system types that the kernel must have, as /proc/filesystems names them. */
  readonly filesystems?: readonly string[]
  /** Paths that must exist, such as /dev/loop-control. */
  readonly paths?: readonly string[]
}

/**
 * The options for each `t.test` of a suite that needs more than Node: they skip it with the reason when this machine lacks
 * something. With CONVOY_NO_SKIPS=1 the lack is a failure, so that CI cannot be green without having run the suite.
 */
export function requirements(t: Pick<Test, 'fail'>, needed: Requirements): { readonly skip: string | false } {
  const missing = [
    ...(needed.root === true && process.getuid?.() !== 0 ? ['root'] : []),
    ...(needed.commands ?? []).filter((command) => !isThere(() => findProgram(command))),
    ...(needed.filesystems ?? []).filter((type) => !kernelFilesystems().includes(type)),
    ...(needed.paths ?? []).filter((path) => !isThere(() => accessSync(path))),
  ]
  if (missing.length === 0) return { skip: false }
  const reason = `needs ${missing.join(', ')}`
  if (process.env['CONVOY_NO_SKIPS'] === '1') t.fail(`${reason}, and CONVOY_NO_SKIPS=1 forbids to skip`)
  return { skip: reason }
}

const kernelFilesystems = () =>
  readFileSync('/proc/filesystems', 'utf8')
    .split('\n')
    .map((line) => line.split('\t').at(-1))

function isThere(look: () => unknown): boolean {
  try {
    look()
    return true
  } catch {
    return false
  }
}
