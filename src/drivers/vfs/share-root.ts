import { isIPv6 } from 'node:net'
import { ConvoyError, isConvoyError, isErrno } from '../../errors.js'
import type { FileRunner } from '../../host/file-process.js'
import type { Mounter } from '../../host/mounter.js'
import type { CallContext, Logger } from '../../model/call-context.js'
import { optional } from '../../model/optional.js'
import type { Attributes } from '../../model/volume.js'
import type { Share } from './share.js'
import { ShareHealth, type ShareHealthDeps } from './share-health.js'
import type { VfsRoot } from './vfs-root.js'

const calmProbeMs = 60_000

export interface ShareRootSettings extends Omit<ShareHealthDeps, 'probe' | 'storage' | 'calmProbeMs'> {
  readonly share: Share
  /** Absolute and without links, in a directory that only root may change. */
  readonly mountpoint: string
  readonly mounter: Mounter
  readonly files: FileRunner
  readonly resolveHost: (name: string) => Promise<readonly string[]>
  /** Leads what the kernel has open to one address to another, and resolves to how much that was. */
  readonly redirect: (from: string, to: string) => Promise<number>
  readonly log: Logger
  /** What only its kind of share has to say of itself. */
  readonly details?: () => Attributes
}

/**
 * A share that this daemon mounts when it is first needed, and again when it is gone: after a reboot, or when somebody unmounted
 * it. What is at the mountpoint while it is not mounted is nobody's, and cannot be written.
 */
export class ShareRoot implements VfsRoot {
  readonly #settings: ShareRootSettings
  readonly #health: ShareHealth
  readonly #call: CallContext
  #finding: Promise<void> | undefined
  #isLeft = false
  #replacing: Promise<void> | undefined
  #replacements = 0
  #wasFound = false
  /** Of the server, when it was mounted last: what was taken away but is still used asks there. */
  #address: string | undefined

  constructor(settings: ShareRootSettings) {
    const { log } = settings
    this.#settings = settings
    const storage = `the share ${settings.share.source}`
    this.#health = new ShareHealth({ ...settings, storage, calmProbeMs, probe: () => this.#probe() })
    // Not the signal of whoever asked first: others wait for the same mount, which has a deadline of its own.
    this.#call = { signal: new AbortController().signal, log }
  }

  get path(): string {
    return this.#settings.mountpoint
  }

  get source(): string {
    return this.#settings.share.source
  }

  get isThere(): boolean {
    return this.#wasFound && !this.#isLeft && this.#health.downForMs === undefined
  }

  get servers(): RegExp | undefined {
    return this.#settings.share.efs?.servers
  }

  get longDown(): ConvoyError | undefined {
    return this.#health.longDown
  }

  use<T>(act: () => Promise<T>): Promise<T> {
    const once = async () => {
      await this.find()
      this.#wasFound = true
      const replacements = this.#replacements
      return act().catch((thrown: unknown) => {
        // What the server has exported anew has another root: our mount of it leads nowhere.
        if (!(thrown instanceof ConvoyError) || !isErrno(thrown.cause, 'ESTALE')) throw thrown
        return this.#replaceSince(replacements).then(act)
      })
    }
    return this.#health.watch(once).catch((thrown: unknown) => {
      throw withReason(thrown)
    })
  }

  find(): Promise<void> {
    if (this.#isLeft) return Promise.reject(notInUse(this.#settings.share))
    this.#finding ??= this.#mount().finally(() => (this.#finding = undefined))
    return this.#finding
  }

  /** For good: whoever finds out later must not mount it again. ConvoyError `in-use` while somebody uses the mount itself. */
  async leave(call: CallContext): Promise<void> {
    this.#isLeft = true
    this.#health.close()
    await this.#finding?.catch(() => undefined)
    await this.#settings.mounter.unmount(this.path, call)
  }

  describe(): Attributes {
    const { source, options, versions } = this.#settings.share
    const { downForMs } = this.#health
    const silence = downForMs === undefined ? undefined : `${Math.floor(downForMs / 1000)}s`
    return {
      Share: source,
      ...this.#settings.details?.(),
      ShareOptions: [...options, `nfsvers=${versions.join('|')}`].join(','),
      ...optional('ShareSilentFor', silence),
    }
  }

  close(): void {
    this.#health.close()
  }

  async #probe(): Promise<void> {
    const { files, mountpoint, mounter, log } = this.#settings
    const isSilent = this.#health.downForMs !== undefined
    // What somebody unmounted is mounted when it is needed.
    if (!isSilent && (await mounter.mountsBelow(mountpoint)).length === 0) return
    if (isSilent)
      await this.#followServer().catch((thrown: unknown) =>
        log.warn({ err: thrown }, 'a share that is silent stays as it is'),
      )
    await this.use(() => files.run([{ op: 'statfs', path: mountpoint }]))
  }

  async #mount(): Promise<void> {
    const { share, mountpoint, mounter } = this.#settings
    const refusals: ConvoyError[] = []
    for (const version of share.versions) {
      const options = [...share.options, `nfsvers=${version}`]
      try {
        await mounter.mount({ source: share.source, fsType: 'nfs', options, mountpoint, isSealed: true }, this.#call)
        return
      } catch (thrown) {
        if (isConvoyError(thrown, 'deadline-exceeded')) throw doesNotAnswer(share, thrown)
        if (!isConvoyError(thrown, 'unsupported')) throw explained(share, thrown)
        refusals.push(thrown)
      }
    }
    throw noVersion(share, refusals)
  }

  /**
   * A server that has another address by now is not found again by a mount that knows the old one. Where the kernel can be told,
   * nobody who uses the mount loses it.
   */
  async #followServer(): Promise<void> {
    const { mountpoint, mounter, resolveHost, redirect, share, log } = this.#settings
    const [mount] = await mounter.mountsBelow(mountpoint)
    this.#address = mount?.superOptions.find((option) => option.startsWith('addr='))?.slice(5) ?? this.#address
    const from = this.#address
    if (from === undefined) return
    const addresses = await resolveHost(share.server)
    if (addresses.length === 0 || addresses.includes(from)) return
    const to = addresses.find((address) => isIPv6(address) === isIPv6(from))
    if (to === undefined || (await redirect(from, to)) === 0) return this.#replaceSince(this.#replacements)
    this.#address = to
    log.warn({ share: share.source, from, to }, 'the server of a share has another address: its mounts follow')
  }

  async #replaceSince(replacements: number): Promise<void> {
    if (this.#replacements > replacements) return
    this.#replacing ??= this.#replace().finally(() => (this.#replacing = undefined))
    await this.#replacing
  }

  async #replace(): Promise<void> {
    const { share, mountpoint, mounter, log } = this.#settings
    await mounter.abandon(mountpoint, this.#call)
    log.warn(
      { share: share.source },
      'the mount of a share led nowhere: it is mounted anew; containers may hold the old one, "convoy doctor" names them',
    )
    await this.find()
    this.#replacements++
  }
}

/** What only the server refuses. */
function withReason(thrown: unknown): unknown {
  if (!(thrown instanceof ConvoyError) || !isErrno(thrown.cause, 'EACCES', 'EPERM')) return thrown
  return new ConvoyError(thrown.code, thrown.message, {
    hint:
      'the server does not let root of this host do that (root_squash): export with no_root_squash; or leave out uid and gid, ' +
      'and let the user that the server takes root for own the exported directory',
    cause: thrown.cause,
  })
}

/** NFSv4 servers show one tree, whose root may be a directory of theirs. */
function explained({ source }: Share, thrown: unknown): unknown {
  if (!(thrown instanceof ConvoyError)) return thrown
  if (/statd/.test(thrown.message)) return withoutLocks(thrown)
  if (!/No such file/i.test(thrown.message)) return thrown
  const server = source.slice(0, source.indexOf(':/'))
  return new ConvoyError('unavailable', thrown.message, {
    hint:
      `the server has no such export: see "showmount -e ${server}". With NFSv4 the names begin at its root (fsid=0): ` +
      `where that is /exports, ${server}:/exports/a is ${server}:/a`,
    cause: thrown,
  })
}

function withoutLocks(cause: ConvoyError): ConvoyError {
  return new ConvoyError('unavailable', cause.message, {
    hint:
      'the locks of NFS 3 need rpcbind and rpc.statd on this host (Debian: apt-get install rpcbind nfs-common); take NFS 4, ' +
      'or the mount option nolock if only this host writes there',
    cause,
  })
}

function notInUse({ source }: Share): ConvoyError {
  return new ConvoyError('unavailable', `the share ${source} is not in use any more: no volume is on it`)
}

/** Whoever waits for the share asks again: only their own time may be up. */
function doesNotAnswer({ server }: Share, cause: ConvoyError): ConvoyError {
  return new ConvoyError('unavailable', cause.message, {
    hint: `check the network to ${server}, and that it serves NFS; convoy tries again with the next request`,
    cause,
  })
}

function noVersion({ source, versions }: Share, refusals: readonly ConvoyError[]): ConvoyError {
  const [first] = refusals
  const tried = versions.map((version) => `NFS ${version}`).join(', ')
  return new ConvoyError('unavailable', `${source} cannot be mounted with ${tried}: ${first?.message ?? ''}`, {
    hint: first?.hint ?? 'see which versions the server offers: rpcinfo -p SERVER',
    cause: refusals,
  })
}
