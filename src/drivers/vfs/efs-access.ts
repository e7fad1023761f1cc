import { InstanceMetadata, regionOfEnvironment } from '../../host/instance-metadata.js'
import type { Mounter } from '../../host/mounter.js'
import { resolveHost } from '../../host/resolve-host.js'
import type { Logger } from '../../model/call-context.js'
import { optional } from '../../model/optional.js'
import { AwsEfsApi } from './aws-efs-api.js'
import { EfsAddresses } from './efs-addresses.js'
import type { EfsApi } from './efs-api.js'
import type { EfsFileSystem } from './efs-file-system.js'
import { EfsMounter } from './efs-mounter.js'
import type { ShareRootSettings } from './share-root.js'

export interface EfsAccessSettings {
  readonly efsregion?: string | undefined
  readonly efsendpoint?: string | undefined
  readonly log: Logger
}

/** How this host reaches EFS: the API, the region, and the ways to mount it. Nobody is asked before there is a need. */
export class EfsAccess {
  readonly api: EfsApi
  readonly #addresses: EfsAddresses
  readonly #region: string | undefined

  constructor({ efsregion, efsendpoint, log }: EfsAccessSettings) {
    const metadata = new InstanceMetadata()
    const placement = () => metadata.placement()
    this.#region = efsregion ?? regionOfEnvironment()
    const region = async () => this.#region ?? (await placement()).region
    this.api = new AwsEfsApi({ region, ...optional('endpoint', efsendpoint) })
    this.#addresses = new EfsAddresses({ api: this.api, region, placement, resolveHost, log })
  }

  /** What is different from an NFS server of one's own. */
  waysTo(efs: EfsFileSystem, mounter: Mounter): Pick<ShareRootSettings, 'mounter' | 'resolveHost' | 'details'> {
    const { fileSystem, tls } = efs
    const own = new EfsMounter({ mounter, efs, addresses: this.#addresses, region: () => this.#region })
    // The proxy of a mount with TLS stays where it is, whatever becomes of the servers behind it.
    const addresses = () => (tls ? Promise.resolve([]) : this.#addresses.all(fileSystem))
    return { mounter: own, resolveHost: addresses, details: () => own.describe() }
  }
}
