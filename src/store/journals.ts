import type Sqlite from 'better-sqlite3'
import type { Attributes } from '../model/volume.js'
import { RowReader } from './row.js'

/** Drivers' notes by volume id. */
export function journalsTable(sqlite: Sqlite.Database) {
  const put = sqlite.prepare('INSERT OR REPLACE INTO journals (volume_id, notes) VALUES (?, ?)')
  const remove = sqlite.prepare('DELETE FROM journals WHERE volume_id = ?')
  return {
    load: (): (readonly [string, Attributes])[] =>
      sqlite
        .prepare('SELECT * FROM journals')
        .all()
        .map((value) => {
          const row = new RowReader('journals', value)
          return [row.text('volume_id'), row.attributes('notes')] as const
        }),
    put: (id: string, notes: Attributes): void => {
      put.run(id, JSON.stringify(notes))
    },
    remove: (id: string): void => {
      remove.run(id)
    },
  }
}
