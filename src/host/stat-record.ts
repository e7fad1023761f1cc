/** What {@link file://./posix.ts} tells of a file: 88 bytes, little endian. */
export const statRecordBytes = 88

/**
 * The first bytes of a record are the stat block of a manifest, so that "is it unchanged?" is one comparison:
 * u32 mode | u32 uid | u32 gid | u64 ino | u64 size | i64 mtime seconds | u32 mtime ns | i64 ctime seconds | u32 ctime ns.
 * Then: u64 dev | u32 nlink | u32 rdev major | u32 rdev minor | u64 blocks of 512 | u32 flags | u32 errno.
 */
export const statBlockBytes = 52

const flags = { mountRoot: 1, changed: 2, xattrs: 4 } as const

/** The record of the name with that index, a view. */
export function recordAt(records: Buffer, index: number): Buffer {
  return records.subarray(index * statRecordBytes, (index + 1) * statRecordBytes)
}

/** With the type; 0 in the record of what could not be looked at. */
export const recordMode = (record: Buffer) => record.readUInt32LE(0)

export const recordSizeBytes = (record: Buffer) => Number(record.readBigUInt64LE(20))

export const recordDevice = (record: Buffer) => record.readBigUInt64LE(52)

export const recordIno = (record: Buffer) => record.readBigUInt64LE(12)

export const recordLinkCount = (record: Buffer) => record.readUInt32LE(60)

/** Of a device node. */
export const recordDeviceNumber = (record: Buffer) => ({
  major: record.readUInt32LE(64),
  minor: record.readUInt32LE(68),
})

/** What it takes on the disk, in units of 512 bytes. */
export const recordBlocks512 = (record: Buffer) => Number(record.readBigUInt64LE(72))

/** Something is mounted there, also when it is of the same file system. Linux 5.8 and newer tell; the device tells most always. */
export const isMountRoot = (record: Buffer) => (record.readUInt32LE(80) & flags.mountRoot) !== 0

/** Its size or times were others after it had been read. */
export const wasChanged = (record: Buffer) => (record.readUInt32LE(80) & flags.changed) !== 0

/** Told by {@link file://./posix.ts} `readFilesAt` only. */
export const mayHaveXattrs = (record: Buffer) => (record.readUInt32LE(80) & flags.xattrs) !== 0

/** Positive, and 0 for none. */
export const recordErrno = (record: Buffer) => record.readUInt32LE(84)
