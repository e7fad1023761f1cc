/**
 * What a manifest keeps of a stat, byte for byte as the addon gives it: u32 mode | u32 uid | u32 gid | u64 ino | u64 size |
 * i64 mtimeSec | u32 mtimeNs | i64 ctimeSec | u32 ctimeNs. A file is unchanged when these bytes are.
 */
export const statBytes = 52

const two32 = 2 ** 32

export interface StatFields {
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly ino: bigint
  readonly size: number
  readonly mtimeSec: bigint
  readonly mtimeNs: number
  readonly ctimeSec: bigint
  readonly ctimeNs: number
}

export function encodeStat(fields: StatFields): Buffer {
  const stat = Buffer.alloc(statBytes)
  stat.writeUInt32LE(fields.mode, 0)
  stat.writeUInt32LE(fields.uid, 4)
  stat.writeUInt32LE(fields.gid, 8)
  stat.writeBigUInt64LE(fields.ino, 12)
  stat.writeBigUInt64LE(BigInt(fields.size), 20)
  stat.writeBigInt64LE(fields.mtimeSec, 28)
  stat.writeUInt32LE(fields.mtimeNs, 36)
  stat.writeBigInt64LE(fields.ctimeSec, 40)
  stat.writeUInt32LE(fields.ctimeNs, 48)
  return stat
}

/** With the type of the file (S_IFMT). */
export function statMode(stat: Buffer): number {
  return stat.readUInt32LE(0)
}

export function statUid(stat: Buffer): number {
  return stat.readUInt32LE(4)
}

export function statGid(stat: Buffer): number {
  return stat.readUInt32LE(8)
}

export function statIno(stat: Buffer): bigint {
  return stat.readBigUInt64LE(12)
}

/** In bytes; exact up to 2^53, and readers of manifests let no more pass. */
export function statSize(stat: Buffer): number {
  return stat.readUInt32LE(20) + stat.readUInt32LE(24) * two32
}

/** For a file that was not as long as its stat said. */
export function withStatSize(stat: Buffer, sizeBytes: number): Buffer {
  const changed = Buffer.from(stat)
  changed.writeBigUInt64LE(BigInt(sizeBytes), 20)
  return changed
}

export function statMtimeSec(stat: Buffer): bigint {
  return stat.readBigInt64LE(28)
}

export function statMtimeNs(stat: Buffer): number {
  return stat.readUInt32LE(36)
}

export function statCtimeSec(stat: Buffer): bigint {
  return stat.readBigInt64LE(40)
}

export function statCtimeNs(stat: Buffer): number {
  return stat.readUInt32LE(48)
}
