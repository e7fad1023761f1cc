import type { ConfigReport } from '../model/config-report.js'
import type { DatabaseDescription } from '../model/database-description.js'
import { optional } from '../model/optional.js'

interface DaemonFlags {
  readonly name?: string
  readonly socket?: string
}

// Everything is imported where it is needed: mostly the daemon runs, and is asked instead.

/** What `convoy daemon` with no more flags than these would do now. ConvoyError `invalid-argument` when that is wrong. */
export async function readNextConfig({ name, socket }: DaemonFlags): Promise<ConfigReport> {
  const [{ loadDaemonConfig }, { reportOf }] = await Promise.all([import('./config.js'), import('./configuration.js')])
  const options = { ...optional('name', name), ...optional('socket', socket) }
  return reportOf(await loadDaemonConfig({ options, drivers: [], driverOptions: [] }, process.env), [])
}

/** Of a root whose daemon does not run. ConvoyError `unavailable` when it cannot be read. */
export async function describeStoppedDatabase(root: string): Promise<DatabaseDescription> {
  const { describeDatabaseOf } = await import('../store/describe-database.js')
  return describeDatabaseOf(root)
}
