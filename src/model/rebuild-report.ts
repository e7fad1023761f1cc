/** How what the storage holds and what the database says differ. */
export interface RebuildReport {
  /** Volumes that the storage holds, with forgotten and deleted ones. */
  readonly volumes: number
  readonly differences: readonly Difference[]
  /** The database itself is made anew: it could not be used. */
  readonly isNewDatabase: boolean
}

export interface Difference {
  readonly kind: DifferenceKind
  readonly name: string
  readonly id: string
  readonly driver: string
}

export const differenceKinds = [
  /** On the storage only. */
  'unknown',
  /** Listed here, but the storage has it as forgotten or deleted. */
  'retired',
  /** In the database only. */
  'missing',
  /** On the storage, under a name that another volume has. */
  'conflicting',
] as const

export type DifferenceKind = (typeof differenceKinds)[number]
