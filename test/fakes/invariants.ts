import type { Marker } from './fake-storage.js'
import { untold } from './story.js'
import type { World } from './world.js'

/** Data that must not be lost, and the id of the volume that holds it. */
export interface Precious {
  readonly id: string
  readonly text: string
}

/** What is wrong with this world at this moment, whatever was cut short; nothing if all is well. */
export function wrongNow(world: World, precious: readonly Precious[]): readonly string[] {
  return [
    ...world.kernel.violations,
    ...precious.filter(({ id, text }) => textOf(world, id) !== text).map(({ id }) => `the data of ${id} is lost`),
    ...twice(idsIn(world)).map((id) => `${id} stands for two things`),
    ...unknownMounts(world),
    ...untold(world),
  ]
}

/** What is wrong once nothing is under way: recovered, reconciled and settled, with a database that takes changes. */
export function wrongAtRest(world: World, precious: readonly Precious[]): readonly string[] {
  const states = [...world.ledger.volumes.values()]
  return [
    ...wrongNow(world, precious),
    ...states.filter(({ state }) => state.endsWith('ing')).map(({ name, state }) => `"${name}" stays ${state}`),
    ...differences(world).map((name) => `"${name}" is not on the storage as the ledger says`),
    ...undurable(world),
  ]
}

export function textOf(world: World, id: string): string | undefined {
  const { directory, filesystem } = world.storages
  return directory.textOf(id) ?? filesystem.textOf(id)
}

function idsIn({ ledger }: World): string[] {
  return [...[...ledger.volumes.values()].map(({ id }) => id), ...ledger.trash.keys()]
}

const twice = (words: readonly string[]) => words.filter((word, index) => words.indexOf(word) !== index)

/** Mounts and devices that no row of the ledger speaks of. */
function unknownMounts({ ledger, kernel, policy }: World): readonly string[] {
  const volumes = [...ledger.volumes.values()].filter(
    ({ state }) => state === 'attached' || state === 'attaching' || state === 'detaching',
  )
  const mountpoints = new Set(volumes.map(({ name }) => `${policy.mountRoot}/${name}`))
  const devices = new Set(volumes.map(({ attributes }) => `/dev/fake/${attributes['place'] ?? ''}`))
  return [
    ...kernel.hostMounts.filter(({ mountpoint }) => mountpoint !== '/' && !mountpoints.has(mountpoint)),
    ...kernel.devices.filter((device) => !devices.has(device)).map((mountpoint) => ({ mountpoint })),
  ].map(({ mountpoint }) => `${mountpoint} is there and the ledger does not know why`)
}

/** Volumes whose marker on the storage tells another story than the ledger. */
function differences({ ledger, storages }: World): readonly string[] {
  const markers = [...storages.directory.markers.values(), ...storages.filesystem.markers.values()]
  const told = new Map<string, Marker['state']>()
  for (const { id, state } of ledger.volumes.values()) told.set(id, state === 'forgotten' ? 'forgotten' : 'live')
  for (const { id } of ledger.trash.values()) told.set(id, 'trashed')
  const unknown = markers.filter(({ id, state }) => told.get(id) !== state).map(({ name }) => name)
  const kept = new Set(markers.map(({ id }) => id))
  const missing = [...ledger.volumes.values()].filter(({ id }) => !kept.has(id)).map(({ name }) => name)
  return [...unknown, ...missing]
}

/** Rows that a crash now would lose. */
function undurable({ ledger, database }: World): readonly string[] {
  const durable = database.contents()
  const volumes = JSON.stringify(sorted([...ledger.volumes.values()]))
  const trash = JSON.stringify(sorted([...ledger.trash.values()]))
  return [
    ...(volumes === JSON.stringify(sorted(durable.volumes)) ? [] : ['volumes in memory are not those on disk']),
    ...(trash === JSON.stringify(sorted(durable.trash)) ? [] : ['the trash in memory is not that on disk']),
  ]
}

function sorted<T extends { readonly id: string }>(rows: readonly T[]): readonly T[] {
  return [...rows].sort((one, other) => one.id.localeCompare(other.id))
}
