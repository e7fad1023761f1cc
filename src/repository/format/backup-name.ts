import { recordKey } from './backup-record.js'

/** Which backup of a repository is meant. */
export interface BackupName {
  readonly volume: string
  readonly name: string
}

export const recordKeyOf = ({ volume, name }: BackupName) => recordKey(volume, name)
