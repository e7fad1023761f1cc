import { ConvoyError, isConvoyError } from '../../errors.js'
import { findProgram } from '../../host/exec.js'
import type { Mounter, MountRequest, UnmountResult } from '../../host/mounter.js'
import { isNfs, type MountEntry } from '../../host/mount-table.js'
import type { CallContext } from '../../model/call-context.js'
import { optional } from '../../model/optional.js'
import type { Attributes } from '../../model/volume.js'
import type { EfsAddress, EfsAddresses } from './efs-addresses.js'
import type { EfsFileSystem } from './efs-file-system.js'

export interface EfsMounterDeps {
  readonly mounter: Mounter
  readonly efs: EfsFileSystem
  readonly addresses: Pick<EfsAddresses, 'choose'>
  /** Undefined where the helper finds it. */
  readonly region: () => string | undefined
  /** ConvoyError `unsupported` when the program is missing. */
  readonly find?: (program: string) => string
}

/**
 * Mounts one EFS file system by whatever address it has now, or by the mount helper. What is mounted already is left as it is, and
 * nobody is asked.
 */
export class EfsMounter implements Mounter {
  readonly #deps: EfsMounterDeps
  #address: EfsAddress | undefined

  constructor(deps: EfsMounterDeps) {
    this.#deps = deps
  }

  /** What people are told of it. Where it is mounted from is known to whoever mounted it. */
  describe(): Attributes {
    const { fileSystem, accessPoint, tls } = this.#deps.efs
    return {
      FileSystem: fileSystem,
      ...optional('AccessPoint', accessPoint),
      TLS: String(tls),
      ...optional('MountTarget', this.#address?.server),
      ...optional('MountTargetZone', this.#address?.zone),
    }
  }

  async mount(request: MountRequest, call: CallContext): Promise<void> {
    const { efs, mounter } = this.#deps
    if (await this.#isMounted(request.mountpoint)) return
    const { shownAs } = efs
    try {
      await mounter.mount({ ...(efs.tls ? this.#byHelper(request) : await this.#directly(request)), shownAs }, call)
    } catch (thrown) {
      throw explained(efs, thrown)
    }
  }

  unmount(mountpoint: string, call: CallContext): Promise<UnmountResult> {
    return this.#deps.mounter.unmount(mountpoint, call)
  }

  abandon(mountpoint: string, call: CallContext): Promise<void> {
    return this.#deps.mounter.abandon(mountpoint, call)
  }

  mountsBelow(directory: string): Promise<readonly MountEntry[]> {
    return this.#deps.mounter.mountsBelow(directory)
  }

  async #isMounted(mountpoint: string): Promise<boolean> {
    const mounts = await this.#deps.mounter.mountsBelow(mountpoint)
    const found = mounts.findLast((entry) => entry.mountpoint === mountpoint)
    return found !== undefined && isNfs(found) && this.#deps.efs.shownAs.test(found.source)
  }

  async #directly(request: MountRequest): Promise<MountRequest> {
    const { addresses, efs } = this.#deps
    this.#address = await addresses.choose(efs.fileSystem)
    const { server } = this.#address
    return { ...request, source: `${server.includes(':') ? `[${server}]` : server}:/`, fsType: 'nfs' }
  }

  #byHelper(request: MountRequest): MountRequest {
    const { efs, find = findProgram, region } = this.#deps
    try {
      find('mount.efs')
    } catch (cause) {
      throw new ConvoyError(
        'invalid-argument',
        'EFS with TLS needs amazon-efs-mount-helper (mount.efs), which is not installed here',
        {
          hint: 'install amazon-efs-utils (github.com/aws/efs-utils); or leave out tls, iam and access points',
          cause,
        },
      )
    }
    const named = region()
    const options = [...request.options, ...(named === undefined ? [] : [`region=${named}`])]
    return { ...request, source: `${efs.fileSystem}:/`, fsType: 'efs', options }
  }
}

/** What only people who know the network of AWS can mend. */
function explained({ fileSystem, accessPoint, tls }: EfsFileSystem, thrown: unknown): unknown {
  if (!(thrown instanceof ConvoyError)) return thrown
  const { message, cause } = thrown
  if (/denied|not permitted/i.test(message)) {
    const by = accessPoint === undefined ? '' : `, by way of ${accessPoint}`
    const mount = tls ? 'and mount with iam' : 'or mount with tls,iam'
    const hint =
      `the policy of ${fileSystem} does not let this host mount it${by}: ` +
      `allow elasticfilesystem:ClientMount, ClientWrite and ClientRootAccess, ${mount}`
    return new ConvoyError(thrown.code, message, { hint, cause })
  }
  if (!isConvoyError(thrown, 'deadline-exceeded') && !/timed out|refused|unreachable|no route/i.test(message))
    return thrown
  const hint = 'the security group of the mount target must let this host in, TCP port 2049'
  return new ConvoyError('unavailable', message, { hint, cause: thrown })
}
