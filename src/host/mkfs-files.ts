import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ConvoyError } from '../errors.js'
import type { FormatRequest, RootDirectory } from './block-devices.js'

/** What mkfs reads, in a directory that is removed afterwards. */
export interface MkfsFiles {
  /** For MKE2FS_CONFIG. */
  readonly configuration: string
  /** For `mkfs.ext4 -d`: what it copies into the root of the file system. */
  readonly tree?: string
  /** For `mkfs.xfs -p`. */
  readonly prototype?: string
}

/**
 * In place of this host's own file, which changes with its age: what Linux 4.18 and e2fsprogs 1.44 know. Inode tables are zeroed by the
 * kernel after the mount, and nothing is discarded: what has just been read as zeros needs neither.
 */
const ext4Configuration = `
[defaults]
	base_features = sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr
	default_mntopts = acl,user_xattr
	enable_periodic_fsck = 0
	blocksize = 4096
	inode_size = 256
	inode_ratio = 16384
	lazy_itable_init = true
	lazy_journal_init = true
	discard = false
	errors = remount-ro
[fs_types]
	ext4 = {
		features = has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize
	}
`

/** Makes them in a new directory below `workDirectory`, lends them to `use` and removes them. */
export async function withMkfsFiles<T>(
  workDirectory: string,
  request: FormatRequest,
  use: (files: MkfsFiles) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(workDirectory, 'mkfs-'))
  try {
    const configuration = join(directory, 'mke2fs.conf')
    writeFileSync(configuration, ext4Configuration)
    return await use({ configuration, ...makeRoot(directory, request) })
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function makeRoot(directory: string, { fsType, root }: FormatRequest): Omit<MkfsFiles, 'configuration'> {
  if (root === undefined) return {}
  if (fsType === 'xfs') {
    const prototype = join(directory, 'prototype')
    writeFileSync(prototype, xfsPrototype(root))
    return { prototype }
  }
  const tree = join(directory, 'root')
  const data = join(tree, root.directory)
  mkdirSync(data, { recursive: true })
  // Newer versions of mkfs.ext4 copy the mode of the root too. chown clears bits of the mode, so it comes first.
  chmodSync(tree, 0o755)
  chownSync(data, root.uid, root.gid)
  chmodSync(data, root.mode)
  return { tree }
}

/** See mkfs.xfs(8), PROTOFILES: two lines that nobody reads, the root, what is in it, and the end of each. */
function xfsPrototype({ directory, uid, gid, mode }: RootDirectory): string {
  if ((mode & 0o1000) !== 0) {
    throw new ConvoyError('unsupported', 'mkfs.xfs cannot make a directory with the sticky bit', {
      hint: 'leave the first digit of the mode away and set it in the volume later, or use ext4',
    })
  }
  const bits = `${(mode & 0o4000) === 0 ? '-' : 'u'}${(mode & 0o2000) === 0 ? '-' : 'g'}`
  const permissions = (mode & 0o777).toString(8).padStart(3, '0')
  return `/dev/null\n0 0\nd--755 0 0\n${directory} d${bits}${permissions} ${uid} ${gid}\n$\n$\n`
}
