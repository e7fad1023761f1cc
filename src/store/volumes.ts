import type Sqlite from 'better-sqlite3'
import { ConvoyError } from '../errors.js'
import { onRemoveWords, type Volume, type VolumeState } from '../model/volume.js'
import { optional } from '../model/optional.js'
import { parseVolumeName, type VolumeName } from '../model/volume-name.js'
import { RowReader } from './row.js'

const states = Object.keys({
  creating: true,
  ready: true,
  attaching: true,
  attached: true,
  detaching: true,
  forgetting: true,
  trashing: true,
  forgotten: true,
  reviving: true,
  undeleting: true,
  renaming: true,
} satisfies Record<VolumeState, true>) as VolumeState[]

/** One row a name, forgotten volumes included. */
export function volumesTable(sqlite: Sqlite.Database) {
  const put = sqlite.prepare(
    `INSERT OR REPLACE INTO volumes
       (name, id, driver, state, created_at, attributes, options, origin, on_remove, mountpoint, size_bytes, rename_to, resize_to)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const remove = sqlite.prepare('DELETE FROM volumes WHERE name = ?')
  return {
    load: (): Volume[] => inOrder(sqlite.prepare('SELECT * FROM volumes ORDER BY name').all().map(readVolume)),
    put: (row: Volume): void => {
      put.run(
        row.name,
        row.id,
        row.driver,
        row.state,
        row.createdAt,
        JSON.stringify(row.attributes),
        JSON.stringify(row.options),
        row.origin,
        row.onRemove ?? null,
        row.mountpoint ?? null,
        row.sizeBytes ?? null,
        row.renameTo ?? null,
        row.resizeTo ?? null,
      )
    },
    remove: (name: VolumeName): void => {
      remove.run(name)
    },
  }
}

function readVolume(value: unknown): Volume {
  const row = new RowReader('volumes', value)
  return {
    name: parseVolumeName(row.text('name')),
    id: row.text('id'),
    driver: row.text('driver'),
    state: row.word('state', states),
    createdAt: row.text('created_at'),
    attributes: row.attributes('attributes'),
    options: row.attributes('options'),
    origin: row.word('origin', ['created', 'adopted']),
    ...optional('onRemove', row.optionalWord('on_remove', onRemoveWords)),
    ...optional('mountpoint', row.optionalText('mountpoint')),
    ...optional('sizeBytes', row.optionalInteger('size_bytes')),
    ...optional('renameTo', readName(row.optionalText('rename_to'))),
    ...optional('resizeTo', row.optionalInteger('resize_to')),
  }
}

const readName = (text: string | undefined) => (text === undefined ? undefined : parseVolumeName(text))

/** SQLite's quick_check does not compare keys: one whose bits have flipped stands in the wrong place, or stands there twice. */
function inOrder(volumes: Volume[]): Volume[] {
  const stray = volumes.find(({ name }, index) => name <= (volumes[index - 1]?.name ?? ''))
  if (stray === undefined) return volumes
  throw new ConvoyError('unavailable', `the row of volume ${JSON.stringify(stray.name)} is out of order`)
}
