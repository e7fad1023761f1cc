import type Sqlite from 'better-sqlite3'
import { onRemoveWords, type TrashedVolume } from '../model/volume.js'
import { optional } from '../model/optional.js'
import { parseVolumeName } from '../model/volume-name.js'
import { RowReader } from './row.js'

/** Trashed volumes by their id: several may have had the same name. */
export function trashTable(sqlite: Sqlite.Database) {
  const put = sqlite.prepare(
    `INSERT OR REPLACE INTO trash
       (id, name, driver, state, created_at, attributes, options, on_remove, size_bytes, trashed_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const remove = sqlite.prepare('DELETE FROM trash WHERE id = ?')
  return {
    load: (): TrashedVolume[] => sqlite.prepare('SELECT * FROM trash ORDER BY trashed_at').all().map(readTrashed),
    put: (row: TrashedVolume): void => {
      put.run(
        row.id,
        row.name,
        row.driver,
        row.state,
        row.createdAt,
        JSON.stringify(row.attributes),
        JSON.stringify(row.options),
        row.onRemove ?? null,
        row.sizeBytes ?? null,
        row.trashedAt,
        row.expiresAt,
      )
    },
    remove: (id: string): void => {
      remove.run(id)
    },
  }
}

function readTrashed(value: unknown): TrashedVolume {
  const row = new RowReader('trash', value)
  return {
    id: row.text('id'),
    name: parseVolumeName(row.text('name')),
    driver: row.text('driver'),
    state: row.word('state', ['trashed', 'deleting']),
    createdAt: row.text('created_at'),
    attributes: row.attributes('attributes'),
    options: row.attributes('options'),
    ...optional('onRemove', row.optionalWord('on_remove', onRemoveWords)),
    ...optional('sizeBytes', row.optionalInteger('size_bytes')),
    trashedAt: row.text('trashed_at'),
    expiresAt: row.text('expires_at'),
  }
}
