import { firstSchema } from './001-first-schema.js'
import { events } from './002-events.js'
import { alterations } from './003-alterations.js'
import { alerts } from './004-alerts.js'

/** Migration n brings a database from `user_version` n - 1 to n. Never edit one that was released: add another. */
export const migrations: readonly string[] = [firstSchema, events, alterations, alerts]

/** The `user_version` that this program reads and writes. */
export const schemaVersion = migrations.length
