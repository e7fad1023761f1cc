import { randomUUID } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatSidecar } from '../src/drivers/vfs/sidecar.js'
import { parseVolumeName } from '../src/model/volume-name.js'
import { BenchDaemon } from './bench-daemon.js'

/** The name of the volume with this number, as long as people's names are. */
export function populatedName(index: number): string {
  return `project-${String(index).padStart(5, '0')}_data`
}

/** Lays out volumes as an earlier daemon would have left them: a fresh ledger finds them. */
export function layOutVolumes(directory: string, count: number): void {
  const volumes = join(directory, 'volumes')
  const sidecars = join(volumes, '.convoy', 'volumes')
  mkdirSync(sidecars, { recursive: true, mode: 0o700 })
  mkdirSync(join(volumes, '.convoy', 'trash'), { mode: 0o700 })
  for (let index = 0; index < count; index++) {
    const name = parseVolumeName(populatedName(index))
    const createdAt = new Date(Date.now() - index * 1000).toISOString()
    const [state, origin, options] = ['live', 'created', {}] as const
    const sidecar = { version: 1, id: randomUUID(), name, directory: name, state, origin, options, createdAt } as const
    mkdirSync(join(volumes, name))
    writeFileSync(join(sidecars, `${name}.json`), formatSidecar({ ...sidecar, host: 'bench', generation: 1 }))
  }
}

/** Makes `directory` with that many volumes in the database, and leaves no daemon running. */
export async function populate(directory: string, count: number): Promise<void> {
  mkdirSync(directory, { recursive: true })
  layOutVolumes(directory, count)
  const daemon = await BenchDaemon.start(directory)
  await daemon.untilItLists(count)
  await daemon.stop()
}
