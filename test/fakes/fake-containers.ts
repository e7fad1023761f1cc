import type { ContainerUsers } from '../../src/core/core-deps.js'
import type { VolumeName } from '../../src/model/volume-name.js'

/** Docker's own account of who uses a volume. */
export class FakeContainers implements ContainerUsers {
  /** Volume → names of running containers. */
  readonly users = new Map<string, string[]>()
  isReachable = true

  of(volume: VolumeName): Promise<readonly string[] | undefined> {
    return Promise.resolve(this.isReachable ? (this.users.get(volume) ?? []) : undefined)
  }
}
