import type { ContainerUsers } from '../../src/core/core-deps.js'
import type { VolumeName } from '../../src/model/volume-name.js'

/** Docker's own account of who uses a volume. */
export class FakeContainers implements ContainerUsers {
  /** Volume → names of running containers. */
  readonly users = new Map<string, string[]>()
  /** Volume → names of containers that do not run. */
  readonly stopped = new Map<string, string[]>()
  isReachable = true

  of(volume: VolumeName): Promise<readonly string[] | undefined> {
    return Promise.resolve(this.isReachable ? (this.users.get(volume) ?? []) : undefined)
  }

  isNamed(volume: VolumeName): Promise<boolean | undefined> {
    const names = [...(this.users.get(volume) ?? []), ...(this.stopped.get(volume) ?? [])]
    return Promise.resolve(this.isReachable ? names.length > 0 : undefined)
  }
}
