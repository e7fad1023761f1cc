import type { VolumeName } from './volume-name.js'

/**
 * Where a volume stands in its life. Words that end in `-ing` are intents: written before the side effect, and carried to
 * their end by recovery when the daemon died in between.
 */
export type VolumeState =
  | 'creating'
  | 'ready'
  | 'attaching'
  | 'attached'
  | 'detaching'
  /** On its way to `forgotten`. */
  | 'forgetting'
  /** On its way to the trash. */
  | 'trashing'
  /** `docker volume rm` without deletion: the data stays, the name is not listed, and a create takes it back. */
  | 'forgotten'
  /** On its way from `forgotten` back to `ready`. */
  | 'reviving'
  /** On its way from the trash back to `ready`. */
  | 'undeleting'
  /** On its way to another name. */
  | 'renaming'

/** What `docker volume rm` does. `ignore`: nothing at all, the volume stays listed. */
export type OnRemove = 'retain' | 'trash' | 'delete' | 'ignore'
export const onRemoveWords = ['retain', 'trash', 'delete', 'ignore'] as const satisfies readonly OnRemove[]

/** What the size of a volume means: `soft` is told of when it is exceeded, and nothing else. */
export type SizeLimit = 'hard' | 'soft' | 'none'

export type Attributes = Readonly<Record<string, string>>

/** All that a driver needs to find the volume again. Core stores it and hands it back unchanged. */
export interface VolumeHandle {
  readonly name: VolumeName
  /** Made by core, unique for ever: a new volume of an old name has another id. */
  readonly id: string
  /** The driver's own notes, chosen by `create`. */
  readonly attributes: Attributes
}

/** Where a volume is, as far as that is known without asking its storage. */
export interface VolumePlace {
  readonly path: string
  /** On a share that may not be mounted now: `server:/export/volume`. */
  readonly source?: string
  /** What else the kernel may call the server of that source: a file system with several addresses. */
  readonly servers?: RegExp
}

/** One volume as this host remembers it. */
export interface Volume extends VolumeHandle {
  readonly driver: string
  readonly state: VolumeState
  /** ISO 8601, UTC. */
  readonly createdAt: string
  /** The options of the create call, so that the same call again is recognised. */
  readonly options: Attributes
  /** `adopted`: the data was there before us, so we never delete it. */
  readonly origin: 'created' | 'adopted'
  readonly onRemove?: OnRemove
  /** Absolute path, while attached. */
  readonly mountpoint?: string
  /** The size asked for, whether or not the storage enforces it. */
  readonly sizeBytes?: number
  /** While `renaming`. */
  readonly renameTo?: VolumeName
  /** Bytes; while it gets another size, which its state does not show. */
  readonly resizeTo?: number
}

/** A deleted volume whose data is kept for a while. Its name is free again. */
export interface TrashedVolume extends VolumeHandle {
  readonly driver: string
  /** `deleting`: a job removes the data now. */
  readonly state: 'trashed' | 'deleting'
  readonly createdAt: string
  readonly options: Attributes
  readonly onRemove?: OnRemove
  readonly sizeBytes?: number
  readonly trashedAt: string
  /** When the data may go, ISO 8601. */
  readonly expiresAt: string
}

/** Whether Docker sees the volume: a forgotten one, or one that is on its way out or not complete, is not listed. */
export function isListed(volume: Volume): boolean {
  switch (volume.state) {
    case 'ready':
    case 'attaching':
    case 'attached':
    case 'detaching':
      return true
    case 'creating':
    case 'reviving':
    case 'undeleting':
    case 'renaming':
    case 'forgetting':
    case 'trashing':
    case 'forgotten':
      return false
  }
}
