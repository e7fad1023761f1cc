import type { Attributes } from '../../model/volume.js'
import { type EfsFileSystem, parseEfsFileSystem } from './efs-file-system.js'
import { efsMountOptions, type MountOptions, parseMountOptions } from './nfs-options.js'
import { idOfShare, parseNfsShare } from './nfs-share.js'

/** A directory that other machines serve, and how this host mounts it: an export of an NFS server, or an EFS file system. */
export interface Share extends MountOptions {
  /**
   * Tells it from all others: `10.0.0.5:/exports` or `[fd00::5]:/exports` as mount.nfs takes it; of EFS
   * `fs-0123456789abcdef0:/`, or `fs-0123456789abcdef0/fsap-0123456789abcdef0:/` by way of an access point.
   */
  readonly source: string
  /** Its name or address, without brackets; of EFS the id. */
  readonly server: string
  /** Names its mountpoint: the same source with other options is another mount. */
  readonly id: string
  /** The options that name it, which are also attributes of the handles that lead to it. */
  readonly where: Attributes
  readonly efs?: EfsFileSystem
}

/**
 * Reads `share` or `efs`, `accesspoint`, and `mountoptions`; undefined where no share is named. ConvoyError `invalid-argument` says
 * what is wrong with which.
 */
export function parseShare(given: Attributes): Share | undefined {
  if (given['efs'] !== undefined) return parseEfsShare(given)
  return given['share'] === undefined ? undefined : parseNfsShare(given['share'], given['mountoptions'])
}

function parseEfsShare(given: Attributes): Share {
  const how = parseMountOptions(given['mountoptions'] ?? '', efsMountOptions)
  const { efs, options, where } = parseEfsFileSystem(given, how.options)
  const { fileSystem } = efs
  const source = sourceOf(where) ?? fileSystem
  return {
    source,
    server: fileSystem,
    options,
    versions: how.versions,
    id: idOfShare(source, { ...how, options }),
    where,
    efs,
  }
}

/** The {@link Share.source} of what the attributes name, as they are: whoever uses it parses it. */
export function sourceOf({ share, efs, accesspoint }: Attributes): string | undefined {
  if (efs === undefined) return share
  return `${efs}${accesspoint === undefined ? '' : `/${accesspoint}`}:/`
}

/** The options of a volume but for those that say where it is to lie. */
export function withoutPlace(options: Attributes): Attributes {
  const { share, efs, accesspoint, ownaccesspoint, mountoptions, ...others } = options
  return others
}
