/** What a file system has, and has left. */
export interface Space {
  readonly sizeBytes: number
  /** What is left for volumes; some more is root's alone. */
  readonly freeBytes: number
  /** 0 where the file system has no fixed number of them. */
  readonly inodes: number
  readonly freeInodes: number
}

/** How full it is, 0 to 1: by bytes or by inodes, whichever is scarcer. */
export function fullness({ sizeBytes, freeBytes, inodes, freeInodes }: Space): number {
  const used = (free: number, whole: number) => (whole > 0 ? 1 - free / whole : 0)
  return Math.max(used(freeBytes, sizeBytes), used(freeInodes, inodes))
}
