const typeMask = 0o170000

/** The letter of a manifest for each type of file that there is; a hard link is none. */
export type FileType = 'f' | 'd' | 'l' | 'c' | 'b' | 'p' | 's'

const types: ReadonlyMap<number, FileType> = new Map([
  [0o100000, 'f'],
  [0o040000, 'd'],
  [0o120000, 'l'],
  [0o020000, 'c'],
  [0o060000, 'b'],
  [0o010000, 'p'],
  [0o140000, 's'],
])

/** Of the mode that stat tells; undefined for what Linux has no file of. */
export function findFileType(mode: number): FileType | undefined {
  return types.get(mode & typeMask)
}
