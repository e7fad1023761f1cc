import { isConvoyError, toConvoyError } from '../../errors.js'
import { formatSize } from '../../model/size.js'
import type { Space } from '../../model/space.js'
import type { Check } from '../check.js'
import type { DaemonDiagnosis } from '../daemon-view.js'
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
    const ofPaths = first.flatMap(({ findings }) => findings.map((finding) => ({ mend, ...finding })))
    const share = { command: await commandForShares(site) }
    const ofShares = (await lookAtShares(paths, site)).map((finding) => ({ ...finding, mend: share }))
    return [...ofPaths, ...ofShares]
  },
}

/** By what the daemon says: nothing else here touches a share. */
async function lookAtShares(paths: readonly string[], { daemon }: Site): Promise<readonly Finding[]> {
  const { spaces = [] } = await daemon.get('/v1/diagnosis').catch((): Partial<DaemonDiagnosis> => ({}))
  const shares = spaces.filter(({ storage }) => !storage.startsWith('/') && !paths.includes(storage))
  return shares.flatMap(({ storage, ...space }) => describe(storage, space))
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

function describe(path: string, space: Space): readonly Finding[] {
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
async function commandFor(paths: readonly string[], site: Site): Promise<string> {
  return (await commandForTrash(site)) ?? `sudo du -xh --max-depth=1 ${paths.map(quote).join(' ')} | sort -h`
}

async function commandForShares(site: Site): Promise<string> {
  return (await commandForTrash(site)) ?? 'sudo convoy du $(sudo convoy ls -q) | sort -h'
}

async function commandForTrash({ daemon }: Site): Promise<string | undefined> {
  const trash = await daemon.get('/v1/trash').catch(() => [])
  return trash.length > 0 ? 'sudo convoy trash empty' : undefined
}
