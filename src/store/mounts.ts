import type Sqlite from 'better-sqlite3'
import { type MountId, type MountReference, parseMountId } from '../model/mount.js'
import { parseVolumeName, type VolumeName } from '../model/volume-name.js'
import { RowReader } from './row.js'

/** How often each mount id holds each volume. */
export function mountsTable(sqlite: Sqlite.Database) {
  const put = sqlite.prepare(
    'INSERT OR REPLACE INTO mounts (volume, id, count, epoch, mounted_at) VALUES (?, ?, ?, ?, ?)',
  )
  const remove = sqlite.prepare('DELETE FROM mounts WHERE volume = ? AND id = ?')
  return {
    load: (): MountReference[] => sqlite.prepare('SELECT * FROM mounts').all().map(readMount),
    put: (row: MountReference): void => {
      put.run(row.volume, row.id, row.count, row.epoch, row.mountedAt)
    },
    remove: (volume: VolumeName, id: MountId): void => {
      remove.run(volume, id)
    },
  }
}

function readMount(value: unknown): MountReference {
  const row = new RowReader('mounts', value)
  return {
    volume: parseVolumeName(row.text('volume')),
    id: parseMountId(row.text('id')),
    count: row.integer('count'),
    epoch: row.integer('epoch'),
    mountedAt: row.text('mounted_at'),
  }
}
