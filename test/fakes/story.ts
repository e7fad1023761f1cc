import type { ConvoyEvent, EventType } from '../../src/model/event.js'
import type { VolumeState } from '../../src/model/volume.js'
import type { LedgerContents } from '../../src/store/ledger-write.js'
import type { World } from './world.js'

type Told = 'listed' | 'forgotten' | 'trashed'

/** What a volume must have been for this to happen to it. */
const mayFollow: Readonly<Partial<Record<EventType, readonly (Told | 'nothing')[]>>> = {
  'volume.create': ['nothing'],
  'volume.adopt': ['nothing'],
  'volume.discover': ['nothing'],
  'volume.take-back': ['forgotten'],
  'volume.undelete': ['trashed'],
  'volume.trash': ['nothing', 'listed', 'forgotten'],
  'volume.destroy': ['trashed'],
  'volume.mount': ['listed'],
}

/** What the events say of each volume, by id, and how often each mount id holds which volume. */
class Story {
  readonly volumes = new Map<string, Told>()
  readonly counts = new Map<string, number>()
  /** Events that cannot follow what was told before: told twice, or of something else. */
  readonly impossible: string[] = []

  constructor(events: readonly ConvoyEvent[]) {
    for (const event of events) this.#tell(event)
  }

  #tell(event: ConvoyEvent): void {
    const { type, volume = '', volumeId = '', mountId = '', count = 0, reason, state } = event
    const before = this.volumes.get(volumeId) ?? 'nothing'
    if (mayFollow[type]?.includes(before) === false) this.impossible.push(`${type} of ${volumeId}, which is ${before}`)
    switch (type) {
      case 'volume.create':
      case 'volume.adopt':
      case 'volume.take-back':
      case 'volume.undelete':
        this.volumes.set(volumeId, 'listed')
        return
      case 'volume.discover':
        this.volumes.set(volumeId, state === 'ready' || state === undefined ? 'listed' : state)
        return
      case 'volume.forget':
        if (reason === 'adopted' || reason === 'not-found') this.volumes.delete(volumeId)
        else this.volumes.set(volumeId, 'forgotten')
        return
      case 'volume.trash':
        this.volumes.set(volumeId, 'trashed')
        return
      case 'volume.destroy':
        this.volumes.delete(volumeId)
        return
      case 'volume.mount':
      case 'volume.unmount':
      case 'volume.mount.drop':
        if (count === 0) this.counts.delete(`${volume} ${mountId}`)
        else this.counts.set(`${volume} ${mountId}`, count)
        return
      case 'volume.rename':
      case 'volume.resize':
      case 'volume.over-limit':
      case 'volume.within-limit':
      case 'volume.lost':
      case 'volume.found':
      case 'volume.take-over':
      case 'job.finish':
      case 'job.fail':
      case 'job.cancel':
      case 'driver.unavailable':
      case 'driver.available':
      case 'driver.nearly-full':
      case 'driver.has-room':
      case 'container.revive':
      case 'container.revive.fail':
      case 'daemon.start':
      case 'daemon.rebuild':
      case 'daemon.degraded':
      case 'notify.fail':
      case 'notify.recover':
      case 'notify.test':
      case 'gap':
        return
    }
  }
}

/** What was told of a volume whose row is in this state. An intent has not been told, whatever it will come to. */
const toldWhen: Readonly<Record<VolumeState, readonly (Told | 'nothing')[]>> = {
  creating: ['nothing'],
  ready: ['listed'],
  attaching: ['listed'],
  attached: ['listed'],
  detaching: ['listed'],
  forgetting: ['listed'],
  trashing: ['listed', 'forgotten'],
  forgotten: ['forgotten'],
  reviving: ['forgotten'],
  undeleting: ['trashed'],
  renaming: ['listed'],
}

/** In what the durable events tell another story than the durable rows. */
export function untold({ database }: World): readonly string[] {
  const rows = database.contents()
  const story = new Story(database.events.all)
  const counts = rows.mounts.map(({ volume, id, count }) => [`${volume} ${id}`, count] as const)
  return [
    ...story.impossible,
    ...wrongVolumes(rows, story),
    ...counts.filter(([key, count]) => story.counts.get(key) !== count).map(([key]) => `events miscount ${key}`),
    ...(story.counts.size > counts.length ? ['events tell of mounts that are not there'] : []),
    ...(inOrder(database.events.all) ? [] : ['events are out of order']),
  ]
}

function wrongVolumes({ volumes, trash }: LedgerContents, { volumes: told }: Story): readonly string[] {
  const rows = new Map<string, readonly (Told | 'nothing')[]>()
  for (const { id, state } of volumes) rows.set(id, toldWhen[state])
  for (const { id } of trash) rows.set(id, ['trashed'])
  const wrong = [...rows].filter(([id, right]) => !right.includes(told.get(id) ?? 'nothing'))
  const unknown = [...told].filter(([id]) => !rows.has(id))
  return [
    ...wrong.map(([id, right]) => `events say that ${id} is ${told.get(id) ?? 'nothing'}, not ${right.join(' or ')}`),
    ...unknown.map(([id, state]) => `events say that ${id} is ${state}, and there is no row`),
  ]
}

const inOrder = (events: readonly ConvoyEvent[]) => events.every(({ id }, index) => id > (events[index - 1]?.id ?? 0))
