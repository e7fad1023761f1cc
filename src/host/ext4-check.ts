import { ConvoyError, isConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import { type PinnedDisk, pinnedPath } from './pinned-disk.js'

const timeoutMs = 10 * 60_000

/** Bits of e2fsck's exit code: errors were corrected, and a mounted root should be booted anew. Any other bit is a failure. */
const harmless = 1 | 2

/** Replays the journal, and checks and mends the rest only where the file system says that it has errors. */
export async function checkExt4(disk: PinnedDisk, call: CallContext): Promise<void> {
  const result = await disk.run({ words: ['e2fsck', '-p', pinnedPath], timeoutMs }, call).catch((thrown: unknown) => {
    if (!isConvoyError(thrown, 'deadline-exceeded')) throw thrown
    throw new ConvoyError('deadline-exceeded', `the check of the file system on ${disk.path} took too long`, {
      hint: `it was stopped, which does no harm; run it yourself: e2fsck -p ${disk.path}`,
      cause: thrown,
    })
  })
  if ((result.exitCode & ~harmless) !== 0) {
    throw new ConvoyError('internal', `the file system on ${disk.path} needs repair: ${disk.complaint(result)}`, {
      hint: `take a snapshot of the volume first, then run: e2fsck -f ${disk.path}`,
      cause: result,
    })
  }
  if (result.exitCode !== 0) call.log.warn({ disk: disk.path, e2fsck: result.stdout }, 'file system repaired')
}
