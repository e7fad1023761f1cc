import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { requirements } from '../integration/requirements.js'

/** Where `test/vm/install` puts what the guests boot: only build-image knows what its name is made of. */
export const guestImage = execFileSync(sourceFile('build-image'), ['--where'], { encoding: 'utf8' }).trim()

/** What QEMU starts for a connection of a guest to a port of this machine. */
export const joinPort = sourceFile('join-port')

/** Generous: a guest on a busy machine may be 10 times slower than on one that does nothing else. */
const timeoutMs = 15 * 60_000

/** The options for each test that boots a guest: they skip it with the reason when this machine lacks what test/vm/install brings. */
export function guestRequirements(t: Pick<Test, 'fail' | 'setTimeout'>): {
  readonly skip: string | false
  readonly timeout: number
} {
  t.setTimeout(timeoutMs)
  const commands = ['qemu-system-x86_64', 'setpriv', 'mke2fs']
  return { ...requirements(t, { commands, paths: [guestImage] }), timeout: timeoutMs }
}

/** A file of test/vm that is not compiled: found in the sources, beside the directory that was built. */
function sourceFile(name: string): string {
  return fileURLToPath(new URL(`../../../test/vm/${name}`, import.meta.url))
}
