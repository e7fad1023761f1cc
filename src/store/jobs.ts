import type Sqlite from 'better-sqlite3'
import type { Job, JobRequest } from '../model/job.js'
import { optional } from '../model/optional.js'
import { parseVolumeName } from '../model/volume-name.js'
import { RowReader } from './row.js'

/** Jobs, finished ones for a while too. */
export function jobsTable(sqlite: Sqlite.Database) {
  const put = sqlite.prepare(
    `INSERT OR REPLACE INTO jobs
       (id, kind, driver, volume_name, volume_id, volume_attributes, state, created_at, started_at, finished_at, attempts,
        pid, process_start_time, error)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const remove = sqlite.prepare('DELETE FROM jobs WHERE id = ?')
  return {
    load: (): Job[] => sqlite.prepare('SELECT * FROM jobs ORDER BY created_at').all().map(readJob),
    put: (row: Job): void => {
      const { kind, driver, volume } = row.request
      put.run(
        row.id,
        kind,
        driver,
        volume.name,
        volume.id,
        JSON.stringify(volume.attributes),
        row.state,
        row.createdAt,
        row.startedAt ?? null,
        row.finishedAt ?? null,
        row.attempts,
        row.process?.pid ?? null,
        row.process?.startTime ?? null,
        row.error ?? null,
      )
    },
    remove: (id: string): void => {
      remove.run(id)
    },
  }
}

function readJob(value: unknown): Job {
  const row = new RowReader('jobs', value)
  const pid = row.optionalInteger('pid')
  const startTime = row.optionalText('process_start_time')
  return {
    id: row.text('id'),
    request: readRequest(row),
    state: row.word('state', ['queued', 'running', 'succeeded', 'failed', 'cancelled']),
    createdAt: row.text('created_at'),
    ...optional('startedAt', row.optionalText('started_at')),
    ...optional('finishedAt', row.optionalText('finished_at')),
    attempts: row.integer('attempts'),
    ...(pid === undefined || startTime === undefined ? {} : { process: { pid, startTime } }),
    ...optional('error', row.optionalText('error')),
  }
}

function readRequest(row: RowReader): JobRequest {
  return {
    kind: row.word('kind', ['remove']),
    driver: row.text('driver'),
    volume: {
      name: parseVolumeName(row.text('volume_name')),
      id: row.text('volume_id'),
      attributes: row.attributes('volume_attributes'),
    },
  }
}
