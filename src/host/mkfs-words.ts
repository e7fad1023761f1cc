import { ConvoyError } from '../errors.js'
import type { FormatRequest, FsType } from './block-devices.js'
import type { MkfsFiles } from './mkfs-files.js'
import { pinnedPath } from './pinned-disk.js'

/**
 * Features of xfs that mkfs would choose by its own age, and the option of each: a volume has to be mounted by every host of a
 * cluster, back to Linux 4.18. `bigtime` (times after 2038) can be added to an existing file system with xfs_admin(8).
 */
const xfsFeatures = [
  ['-m', 'crc', 1],
  ['-m', 'finobt', 1],
  ['-m', 'reflink', 1],
  ['-m', 'rmapbt', 0],
  ['-m', 'inobtcount', 0],
  ['-m', 'bigtime', 0],
  ['-m', 'metadir', 0],
  ['-i', 'sparse', 1],
  ['-i', 'nrext64', 0],
  ['-i', 'exchange', 0],
  ['-n', 'parent', 0],
] as const

/** Letters that force mkfs over what it finds, make it do something else, or copy files of this host; alone or among others. */
const forbidden: Readonly<Record<FsType, RegExp>> = { ext4: /^-[a-zA-Z]*[dFnS]/, xfs: /^-[a-zA-Z]*[fNp]/ }

/** The command for a disk that is pinned. `usage` is what mkfs says of itself: it refuses features that it does not know. */
export function mkfsWords(request: FormatRequest, files: MkfsFiles, usage: string): readonly string[] {
  for (const word of request.mkfsOptions) refuseDangerous(word, request.fsType)
  if (request.fsType === 'ext4') {
    const copied = files.tree === undefined ? [] : ['-d', files.tree]
    return ['mkfs.ext4', '-q', ...copied, ...request.mkfsOptions, pinnedPath]
  }
  const copied = files.prototype === undefined ? [] : ['-p', files.prototype]
  const isOpen = (feature: string) =>
    usage.includes(`${feature}=`) && !request.mkfsOptions.some((word) => word.includes(`${feature}=`))
  const features = xfsFeatures.flatMap(([option, name, value]) => (isOpen(name) ? [option, `${name}=${value}`] : []))
  return ['mkfs.xfs', '-q', '-K', ...features, ...copied, ...request.mkfsOptions, pinnedPath]
}

/** A path would be another disk. */
function refuseDangerous(word: string, fsType: FsType): void {
  if (!word.includes('/') && !forbidden[fsType].test(word)) return
  throw new ConvoyError('invalid-argument', `${JSON.stringify(word)} is not an option for mkfs.${fsType} here`, {
    hint: 'an option and its value are two words; paths, and what forces mkfs, are refused',
  })
}
