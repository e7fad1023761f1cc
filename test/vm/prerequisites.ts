import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { requirements } from '../integration/requirements.js'

/** Where `test/vm/install` puts what the guests boot: only build-image knows what its name is made of. */
export const guestImage = execFileSync(sourceFile('build-image'), ['--where'], { encoding: 'utf8' }).trim()

/** The options for each test that boots a guest: they skip it with the reason when this machine lacks what test/vm/install brings. */
export function guestRequirements(t: Pick<Test, 'fail'>): { readonly skip: string | false; readonly timeout: number } {
  const commands = ['qemu-system-x86_64', 'setpriv', 'mke2fs']
  const options = requirements(t, { commands, paths: [guestImage] })
  return { ...options, timeout: 10 * 60_000 }
}

/** A file of test/vm that is not compiled: found in the sources, beside the directory that was built. */
function sourceFile(name: string): string {
  return fileURLToPath(new URL(`../../../test/vm/${name}`, import.meta.url))
}
