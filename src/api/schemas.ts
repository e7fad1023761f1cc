import { type Static, Type } from 'typebox'

// One source for validation, for the types of the routes and for the OpenAPI document.

const texts = Type.Record(Type.String(), Type.String())
const closed = { additionalProperties: false } as const

export const nameParameter = Type.Object({ name: Type.String({ description: 'the name of a volume' }) })
export const idParameter = Type.Object({ id: Type.String() })
export const nameOrIdParameter = Type.Object({
  id: Type.String({ description: 'a volume id, or the newest of a name' }),
})

export const errorDocument = Type.Object(
  {
    error: Type.Object({
      code: Type.String(),
      message: Type.String(),
      hint: Type.Optional(Type.String({ description: 'what to do about it' })),
    }),
  },
  { description: 'what failed, and what to do about it' },
)

export const nothingDocument = Type.Object({}, { description: 'done' })

/** The keys of Convoy 0.5, and some of ours after them. */
export const volumeDocument = Type.Object(
  {
    Name: Type.String(),
    Driver: Type.String(),
    MountPoint: Type.String(),
    CreatedTime: Type.String(),
    DriverInfo: texts,
    Snapshots: Type.Record(Type.String(), Type.Unknown()),
    State: Type.String(),
    Origin: Type.String(),
    Options: texts,
    Mounts: Type.Array(Type.Object({ ID: Type.String(), Count: Type.Integer() })),
  },
  { description: 'a volume' },
)

export const volumesDocument = Type.Record(Type.String(), volumeDocument, { description: 'volumes by name' })

/** One line of `convoy ls`: nothing that a driver has to be asked for. */
export const volumeSummaries = Type.Array(
  Type.Object({
    name: Type.String(),
    id: Type.String(),
    driver: Type.String(),
    state: Type.String(),
    origin: Type.String(),
    mounts: Type.Integer(),
    createdAt: Type.String(),
    sizeBytes: Type.Optional(Type.Integer({ description: 'the size asked for' })),
    usedBytes: Type.Optional(Type.Integer({ description: 'what it took when it was measured last' })),
    measuredAt: Type.Optional(Type.String()),
    mountpoint: Type.Optional(Type.String()),
    options: texts,
  }),
  { description: 'volumes by name, in order' },
)

export const usageDocument = Type.Object(
  {
    usedBytes: Type.Integer(),
    measuredAt: Type.String(),
    sizeBytes: Type.Optional(Type.Integer({ description: 'the size asked for' })),
  },
  { description: 'what a volume takes on its storage' },
)

export const holdersDocument = Type.Object(
  {
    references: Type.Array(
      Type.Object({
        id: Type.String(),
        count: Type.Integer(),
        mountedAt: Type.String(),
        isCurrent: Type.Boolean({ description: 'of the engine that runs now' }),
      }),
    ),
    containers: Type.Optional(
      Type.Array(Type.String(), { description: 'running ones; absent when Docker cannot be asked' }),
    ),
    mounts: Type.Array(
      Type.Object({
        pid: Type.Integer(),
        command: Type.Optional(Type.String()),
        mountpoint: Type.String({ description: 'as that process sees it' }),
        namespace: Type.String(),
      }),
    ),
  },
  { description: 'who holds a volume: mount ids of Docker, its containers, and mounts that the kernel shows' },
)

export const mountsDocument = Type.Array(
  Type.Object({ volume: Type.String(), id: Type.String(), count: Type.Integer(), mountedAt: Type.String() }),
  { description: 'all mount ids that hold a volume' },
)

export const trashDocument = Type.Array(
  Type.Object({
    id: Type.String(),
    name: Type.String(),
    driver: Type.String(),
    state: Type.String({ description: 'trashed, or deleting while a job removes the data' }),
    createdAt: Type.String(),
    trashedAt: Type.String(),
    expiresAt: Type.String({ description: 'when the data goes' }),
    sizeBytes: Type.Optional(Type.Integer()),
  }),
  { description: 'deleted volumes whose data is kept for a while' },
)

export const jobDocument = Type.Object(
  {
    id: Type.String(),
    request: Type.Object({
      kind: Type.String(),
      driver: Type.String(),
      volume: Type.Object({ name: Type.String(), id: Type.String(), attributes: texts }),
    }),
    state: Type.String({ description: 'queued, running, succeeded, failed or cancelled' }),
    createdAt: Type.String(),
    startedAt: Type.Optional(Type.String()),
    finishedAt: Type.Optional(Type.String()),
    attempts: Type.Integer(),
    process: Type.Optional(Type.Object({ pid: Type.Integer(), startTime: Type.String() })),
    error: Type.Optional(Type.String()),
    progress: Type.Optional(
      Type.Object({
        done: Type.Integer(),
        total: Type.Optional(Type.Integer()),
        unit: Type.String(),
        waitsFor: Type.Optional(Type.String({ description: 'what it waits for now' })),
      }),
    ),
  },
  { description: 'work that goes on after a request' },
)

export const driversDocument = Type.Array(
  Type.Object({
    name: Type.String(),
    isDefault: Type.Boolean(),
    attachMode: Type.String(),
    description: texts,
    volumeOptions: Type.Array(Type.Object({ name: Type.String(), placeholder: Type.String(), help: Type.String() })),
  }),
  { description: 'the storage drivers of this daemon' },
)

/** The daemon's own settings, then one object for each driver. */
export const infoDocument = Type.Intersect(
  [Type.Object({ General: Type.Record(Type.String(), Type.Unknown()) }), Type.Record(Type.String(), Type.Unknown())],
  { description: 'the daemon and its drivers' },
)

export const readyDocument = Type.Object(
  { ready: Type.Boolean(), reason: Type.Optional(Type.String()) },
  { description: 'whether everything can be asked for now' },
)

export const createBody = Type.Object(
  { name: Type.Optional(Type.String()), driver: Type.Optional(Type.String()), options: Type.Optional(texts) },
  closed,
)
export const undeleteBody = Type.Object({ as: Type.Optional(Type.String()) }, closed)
export const mountBody = Type.Object({ mountpoint: Type.Optional(Type.String()) }, closed)
export const renameBody = Type.Object({ name: Type.String() }, closed)
export const resizeBody = Type.Object({ size: Type.String({ description: 'for example 10G' }) }, closed)
export const takeoverBody = Type.Object(
  { force: Type.Optional(Type.Boolean({ description: 'also from a host that may still write' })) },
  closed,
)
export const driverQuery = Type.Object({ driver: Type.Optional(Type.String()) }, closed)
export const deleteQuery = Type.Object(
  {
    reference: Type.Optional(
      Type.Union([Type.Literal('true'), Type.Literal('false')], { description: 'only forget it' }),
    ),
  },
  closed,
)

export type ErrorDocument = Static<typeof errorDocument>
export type VolumeDocument = Static<typeof volumeDocument>
export type VolumeSummary = Static<typeof volumeSummaries>[number]
export type JobDocument = Static<typeof jobDocument>
