import { isConvoyError, toConvoyError } from '../../errors.js'
import type { DiskSpace } from '../../host/disk-space.js'
import { formatSize } from '../../model/size.js'
import type { Check } from '../check.js'
import type { Finding, Severity } from '../finding.js'
import type { Site } from '../site.js'
import { quote } from './commands.js'

const GiB = 1024 ** 3

/** How little is left, as a share of the whole and in bytes: the smaller of the two counts, for disks of every size. */
const limits: readonly { readonly severity: Severity; readonly share: number; readonly bytes: number }[] = [
  { severity: 'error', share: 0.02, bytes: GiB },
  { severity: 'warning', share: 0.1, bytes: 20 * GiB },
]

export const enoughSpace: Check = {
  name: 'space',
  sound: 'the disks have space',
  needs: [],
  look: async (site) => {
    const settings = await site.daemon.settings()
    const paths = [...settings].flatMap(([name, value]) => (name === 'root' || name.endsWith('.path') ? [value] : []))
    const mend = { command: await commandFor(paths, site) }
    const looked = await Promise.all(paths.map((path) => lookAt(path, site)))
    const first = looked.filter(({ filesystem }, at) => looked.findIndex((one) => one.filesystem === filesystem) === at)
    return first.flatMap(({ findings }) => findings.map((finding) => ({ mend, ...finding })))
  },
}

interface Looked {
  readonly filesystem: string
  readonly findings: readonly Finding[]
}

async function lookAt(path: string, { host }: Site): Promise<Looked> {
  try {
    const space = await host.diskSpace(path)
    return { filesystem: space.filesystem, findings: describe(path, space) }
  } catch (thrown) {
    // What is not there is no disk: a daemon that needs it does not start, which is another check.
    if (isConvoyError(thrown, 'unavailable')) return { filesystem: path, findings: [] }
    const what = `how much space ${path} has cannot be found out: ${toConvoyError(thrown).sentence}`
    const why = 'a share that hangs stops every container that uses it'
    const mend = { command: `sudo umount -l ${quote(path)} && sudo mount ${quote(path)}` }
    return { filesystem: path, findings: [{ severity: 'warning', what, why, mend }] }
  }
}

function describe(path: string, space: DiskSpace): readonly Finding[] {
  const { freeBytes, sizeBytes, freeInodes, inodes } = space
  const why = 'when it is full, containers cannot write and no volume can be created or changed'
  for (const { severity, share, bytes } of limits) {
    const what = `the file system of ${path} has`
    if (freeBytes < Math.min(sizeBytes * share, bytes)) {
      return [{ severity, what: `${what} ${formatSize(freeBytes)} of ${formatSize(sizeBytes)} left`, why }]
    }
    if (freeInodes < inodes * share) return [{ severity, what: `${what} ${freeInodes} of ${inodes} inodes left`, why }]
  }
  return []
}

/** What is deleted already goes first. */
async function commandFor(paths: readonly string[], { daemon }: Site): Promise<string> {
  const trash = await daemon.get('/v1/trash').catch(() => [])
  return trash.length > 0
    ? 'sudo convoy trash empty'
    : `sudo du -xh --max-depth=1 ${paths.map(quote).join(' ')} | sort -h`
}
