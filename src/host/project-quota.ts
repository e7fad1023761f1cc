import { ConvoyError } from '../errors.js'
import { runChecked } from './exec.js'
import { findCovering, readMountTable } from './mount-table.js'

const timeoutMs = 20_000

/** Size limits of directories, where the file system has project quotas (ext4 and xfs, mounted with `prjquota`). */
export class ProjectQuota {
  /** Whether the file system that holds `path` enforces project quotas now. */
  async isEnforced(path: string): Promise<boolean> {
    return (await this.#enforcingMountpoint(path)) !== undefined
  }

  /** Puts an empty directory into a project of its own with that limit. ConvoyError `unsupported` when it cannot be. */
  async limit(path: string, project: number, sizeBytes: number): Promise<void> {
    const mountpoint = await this.#enforcingMountpoint(path)
    if (mountpoint === undefined) {
      throw new ConvoyError('unsupported', `the file system of ${path} has no project quotas`, {
        hint: 'mount it with prjquota',
      })
    }
    // +P: what is made below inherits the project.
    await runChecked('chattr', ['-p', String(project), '+P', '--', path], { timeoutMs })
    const kibibytes = String(Math.max(1, Math.ceil(sizeBytes / 1024)))
    await runChecked('setquota', ['-P', String(project), '0', kibibytes, '0', '0', mountpoint], { timeoutMs })
  }

  async #enforcingMountpoint(path: string): Promise<string | undefined> {
    const mount = findCovering(await readMountTable(), path)
    const options = [...(mount?.options ?? []), ...(mount?.superOptions ?? [])]
    return options.includes('prjquota') || options.includes('pquota') ? mount?.mountpoint : undefined
  }
}

/** A project id for a volume, the same in every repetition: 31 bits of its random id, above those that people give by hand. */
export function projectOf(volumeId: string): number {
  return (Number.parseInt(volumeId.replaceAll('-', '').slice(0, 8), 16) & 0x7fffffff) | 0x10000
}
