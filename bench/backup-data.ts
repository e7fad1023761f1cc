import { databaseSet } from './backup-data-database.js'
import { incompressibleSet } from './backup-data-incompressible.js'
import { smallFilesSet } from './backup-data-small-files.js'
import type { PseudoRandom } from '../test/repository/pseudo-random.js'

/** What changes about one per cent of a set. */
export interface Change {
  readonly name: 'changed' | 'scattered'
  readonly title: string
  /** Changes the files, and says how many bytes of them are new. */
  apply(directory: string, scale: number, random: PseudoRandom): number
}

/** Data of one kind, the same in every run. */
export interface DataSet {
  /** As given on the command line. */
  readonly name: string
  readonly title: string
  /** Fills an empty directory. `scale` 1 is the size that figures are about. */
  make(directory: string, scale: number, random: PseudoRandom): void
  /** In the order in which they are made. */
  readonly changes: readonly Change[]
}

export const dataSets: readonly DataSet[] = [databaseSet, incompressibleSet, smallFilesSet]
