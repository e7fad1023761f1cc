/** An object of the repository that is not what it should be. */
export interface DamagedObject {
  readonly kind: 'key-slot' | 'index' | 'pack' | 'record' | 'lease' | 'mark'
  readonly key: string
  readonly message: string
}

/** A backup that cannot be restored as it was. */
export interface AffectedBackup {
  readonly volume: string
  readonly name: string
  /** The first thousand of `pathCount`: what they are, as showPath shows them, and why they cannot be restored. */
  readonly paths: readonly { readonly path: string; readonly message: string }[]
  readonly pathCount: number
}

export interface VerifyReport {
  readonly isHealthy: boolean
  readonly backups: number
  readonly packs: number
  readonly packsRead: number
  readonly bytesRead: number
  readonly chunks: number
  /** Packs that no index lists: what an interrupted backup has left, or what a lost index listed. No damage by themselves. */
  readonly orphans: number
  /** The first thousand of `damagedCount`. */
  readonly damaged: readonly DamagedObject[]
  readonly damagedCount: number
  readonly affected: readonly AffectedBackup[]
}

const mostListed = 1000

/** What has been found so far. */
export class VerifyFindings {
  readonly damaged: DamagedObject[] = []
  damagedCount = 0
  readonly affected: AffectedBackup[] = []

  add(object: DamagedObject): void {
    this.damagedCount += 1
    if (this.damaged.length < mostListed) this.damaged.push(object)
  }

  get isHealthy(): boolean {
    return this.damagedCount === 0 && this.affected.length === 0
  }
}

/** What cannot be restored of one backup. */
export class AffectedPaths {
  readonly paths: { readonly path: string; readonly message: string }[] = []
  pathCount = 0

  add(path: string, message: string): void {
    this.pathCount += 1
    if (this.paths.length < mostListed) this.paths.push({ path, message })
  }
}
