import type { Volume } from '../model/volume.js'
import type { ApiDeps } from './api-deps.js'

/** Volumes as Docker shows them. */
export class VolumeListing {
  readonly #deps: ApiDeps
  #revision = -1
  #text = ''

  constructor(deps: ApiDeps) {
    this.#deps = deps
  }

  /** The answer to List; made again only when something has changed. */
  text(): string {
    const { revision } = this.#deps.ledger
    if (revision === this.#revision) return this.#text
    const volumes = this.#deps.core.volumes.list().map(summary)
    this.#text = JSON.stringify({ Volumes: volumes })
    this.#revision = revision
    return this.#text
  }

  /** One volume as Get shows it. `Status` appears in `docker volume inspect`. */
  detail(volume: Volume): Readonly<Record<string, unknown>> {
    const { ledger, degraded } = this.#deps
    const references = [...ledger.mountsOf(volume.name).values()]
    return {
      ...summary(volume),
      CreatedAt: volume.createdAt,
      Status: {
        driver: volume.driver,
        state: volume.state,
        mounts: references.reduce((sum, { count }) => sum + count, 0),
        ...(volume.sizeBytes === undefined ? {} : { sizeBytes: volume.sizeBytes }),
        ...(degraded === undefined ? {} : { degraded: degraded.sentence }),
      },
    }
  }
}

function summary(volume: Volume) {
  return { Name: volume.name, Mountpoint: volume.mountpoint ?? '', CreatedAt: volume.createdAt }
}
