/** The form of a database, and how much is in it, without anything of what is in it. */
export interface DatabaseDescription {
  readonly schemaVersion: number
  /** The statements that make its tables. */
  readonly schema: readonly string[]
  /** Table → rows. */
  readonly rows: Readonly<Record<string, number>>
  /** ISO 8601; absent without any event. */
  readonly newestEventAt?: string
  /** When the newest backup was made, ISO 8601; absent without any. */
  readonly newestBackupAt?: string
}
