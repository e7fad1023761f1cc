import type { Volume } from '../model/volume.js'
import type { ApiDeps } from './api-deps.js'

/** Volumes as Docker shows them. */
export class VolumeListing {
  readonly #deps: ApiDeps
  /** Rows are replaced and never changed, so the text of one is made once. */
  readonly #texts = new WeakMap<Volume, string>()
  #revision = -1
  #answer: Buffer = Buffer.alloc(0)

  constructor(deps: ApiDeps) {
    this.#deps = deps
  }

  /** The answer to List; made again only when something has changed. */
  answer(): Buffer {
    const { revision } = this.#deps.core.volumes
    if (revision === this.#revision) return this.#answer
    const volumes = this.#deps.core.volumes.list().map((volume) => this.#textOf(volume))
    this.#answer = Buffer.from(`{"Volumes":[${volumes.join(',')}]}`)
    this.#revision = revision
    return this.#answer
  }

  #textOf(volume: Volume): string {
    const known = this.#texts.get(volume)
    if (known !== undefined) return known
    const text = JSON.stringify(summary(volume))
    this.#texts.set(volume, text)
    return text
  }

  /** One volume as Get shows it. `Status` appears in `docker volume inspect`. */
  detail(volume: Volume): Readonly<Record<string, unknown>> {
    const { core } = this.#deps
    const { degraded } = core.volumes
    const references = core.mounts.referencesTo(volume.name)
    return {
      ...summary(volume),
      Status: {
        driver: volume.driver,
        state: volume.state,
        mounts: references.reduce((sum, { count }) => sum + count, 0),
        ...(volume.sizeBytes === undefined ? {} : { sizeBytes: volume.sizeBytes }),
        ...core.volumes.remarks(volume),
        ...(degraded === undefined ? {} : { degraded: degraded.sentence }),
      },
    }
  }
}

function summary(volume: Volume) {
  return { Name: volume.name, Mountpoint: volume.mountpoint ?? '', CreatedAt: volume.createdAt }
}
