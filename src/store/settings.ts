import type Sqlite from 'better-sqlite3'
import type { Setting } from './ledger-write.js'
import { RowReader } from './row.js'

const keys = [
  'host-id',
  'epoch',
  'boot-id',
  'discovered',
  'notify-positions',
  'alerts',
] as const satisfies readonly Setting[]

/** What the host remembers about itself. */
export function settingsTable(sqlite: Sqlite.Database) {
  const put = sqlite.prepare('INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)')
  return {
    load: (): (readonly [Setting, string])[] =>
      sqlite
        .prepare('SELECT * FROM settings')
        .all()
        .map((value) => {
          const row = new RowReader('settings', value)
          return [row.word('key', keys), row.text('value')] as const
        }),
    put: (key: Setting, value: string): void => {
      put.run(key, value)
    },
  }
}
