import type { Marker } from '../fakes/fake-storage.js'
import { named, type World } from '../fakes/world.js'

/** As another host would have made it. */
export function foreign(name: string, more: Partial<Marker> = {}): Marker {
  return {
    name: named(name),
    id: `11111111-0000-4000-8000-${name.padStart(12, '0')}`,
    place: name,
    state: 'live',
    origin: 'created',
    createdAt: '2025-12-31T00:00:00.000Z',
    options: {},
    ...more,
  }
}

/** Puts it on the storage of directories, with data. */
export function plant(world: World, marker: Marker): void {
  world.storages.directory.markers.set(marker.id, marker)
  world.storages.directory.plant(marker.place, `data of ${marker.name}`)
}
