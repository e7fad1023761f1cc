import { Type } from 'typebox'
import type { ApiDeps } from './api-deps.js'
import type { ControlScope } from './control-scope.js'

const time = Type.Optional(Type.String({ description: 'ISO 8601' }))

const diagnosisDocument = Type.Object(
  {
    pid: Type.Integer(),
    node: Type.String({ description: 'the version of Node.js' }),
    isComplete: Type.Boolean({ description: 'the storage has said which volumes it holds' }),
    unavailable: Type.Record(Type.String(), Type.String(), {
      description: 'drivers whose storage does not answer, and why',
    }),
    spaces: Type.Array(
      Type.Object({
        driver: Type.String(),
        storage: Type.String(),
        sizeBytes: Type.Integer(),
        freeBytes: Type.Integer(),
        inodes: Type.Integer(),
        freeInodes: Type.Integer(),
        measuredAt: Type.String(),
      }),
      { description: 'how much room storages had when they were asked last' },
    ),
    degraded: Type.Optional(Type.String({ description: 'why nothing can be changed; absent when all is well' })),
    database: Type.Optional(
      Type.Object({
        schemaVersion: Type.Integer(),
        schema: Type.Array(Type.String()),
        rows: Type.Record(Type.String(), Type.Integer()),
        newestEventAt: time,
        newestBackupAt: time,
      }),
    ),
    databaseError: Type.Optional(Type.String({ description: 'why the database could not be described' })),
    newestRecordAt: Type.Optional(
      Type.String({ description: 'ISO 8601: when the last thing happened that this host remembers' }),
    ),
  },
  { description: 'what the daemon knows about its own health; nothing of what is in the database' },
)

/** What `convoy doctor` and `convoy support` ask. */
export function registerDiagnosisRoute(app: ControlScope, { core }: ApiDeps): void {
  app.get('/v1/diagnosis', { schema: { response: { 200: diagnosisDocument } } }, async () => {
    const { database, ...rest } = await core.diagnosis.describe()
    const described = database === undefined ? {} : { database: { ...database, schema: [...database.schema] } }
    const { isComplete } = core.volumes
    const unavailable = Object.fromEntries(core.availability.reasons)
    const spaces = [...core.capacity.list()]
    return { pid: process.pid, node: process.version, isComplete, unavailable, spaces, ...rest, ...described }
  })
}
