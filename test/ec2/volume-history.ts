import type { VolumeRecord } from './records.js'

interface Version {
  readonly volume: VolumeRecord
  readonly at: number
  readonly visibleAt: number
}

/** Every volume as it is and as it was, because what EC2 shows may be old. */
export class VolumeHistory {
  readonly #versions = new Map<string, Version[]>()

  /** `lagMs`: nobody sees this before. */
  put(volume: VolumeRecord, at: number, lagMs: number): void {
    const versions = this.#versions.get(volume.id) ?? []
    this.#versions.set(volume.id, versions)
    const earlier = versions.at(-1)?.visibleAt ?? 0
    versions.push({ volume, at, visibleAt: Math.max(earlier, at + lagMs) })
  }

  /** As it is, `deleted` ones too. */
  find(id: string): VolumeRecord | undefined {
    return this.#versions.get(id)?.at(-1)?.volume
  }

  /** As somebody sees it whose view is that old; nothing before it is there to see, or after it has gone. */
  findSeen(id: string, now: number, lagMs: number): VolumeRecord | undefined {
    const isSeen = ({ at, visibleAt }: Version) => visibleAt <= now && at + lagMs <= now
    const volume = this.#versions.get(id)?.findLast(isSeen)?.volume
    return volume?.state === 'deleted' ? undefined : volume
  }

  ids(): readonly string[] {
    return [...this.#versions.keys()].sort()
  }
}
