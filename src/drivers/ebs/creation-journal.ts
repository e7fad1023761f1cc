import { findFsType, type FsType } from '../../host/block-devices.js'
import type { Journal } from '../driver.js'

/**
 * What our notes on a volume say of the call that makes it. Written before the call, so that the next daemon makes the same one.
 * `disk`: whether what is made is blank, which decides whether it may ever be formatted.
 */
export interface CreationAttempt {
  readonly generation: number
  readonly disk: 'blank' | 'snapshot'
  /** What a blank one is to be, whatever the daemon's defaults are by the time of its first mount. */
  readonly fsType: FsType
}

export function noteAttempt(journal: Journal, { generation, disk, fsType }: CreationAttempt): Promise<void> {
  return journal.write({ ...journal.notes, generation: String(generation), disk, fsType, asked: 'yes' })
}

/** Which file system a disk of ours is to get. */
export const notedFsType = ({ notes }: Journal): FsType | undefined => findFsType(notes['fsType'])

/** Before the tags of a volume that was there are set. */
export function noteAdoption(journal: Journal): Promise<void> {
  return journal.write({ ...journal.notes, disk: 'adopted', asked: 'yes' })
}

/** EC2 has answered that it made nothing. */
export function noteRefusal(journal: Journal): Promise<void> {
  return journal.write({ ...journal.notes, asked: 'no' })
}

/** What was made came to nothing, and its token with it. */
export function noteBurned(journal: Journal): Promise<void> {
  const generation = (notedGeneration(journal) ?? 1) + 1
  return journal.write({ ...journal.notes, generation: String(generation), asked: 'no' })
}

/** EC2 shows what was made. From now on it may hold data. */
export function noteShown(journal: Journal): Promise<void> {
  return journal.write({ ...journal.notes, asked: 'shown' })
}

/** Before the volume that was made is deleted again, because another host's is older. */
export function noteGivenUp(journal: Journal, volumeId: string): Promise<void> {
  return journal.write({ ...journal.notes, asked: 'no', givenUp: volumeId })
}

export const isGivenUp = ({ notes }: Journal, volumeId: string): boolean => notes['givenUp'] === volumeId

/** Which attempt is to be made, or repeated; none before the first. */
export function notedGeneration({ notes }: Journal): number | undefined {
  const generation = Number(notes['generation'] ?? NaN)
  return Number.isInteger(generation) ? generation : undefined
}

/** A call was made, and what became of it was not heard, or EC2 did not show it yet. */
export const isAnswerLost = ({ notes }: Journal): boolean => notes['asked'] === 'yes'
