import { setImmediate as turn } from 'node:timers/promises'
import type { CoreDeps } from '../../src/core/core-deps.js'
import { ConvoyError } from '../../src/errors.js'
import type { StoppedContainer } from '../../src/host/docker-engine.js'

type Public = CoreDeps['failedContainers']

/** A Docker with containers that it could not start. */
export class FakeFailedContainers implements Public {
  /** Those that stay down, by name, which is their id, too. */
  readonly down = new Map<string, StoppedContainer>()
  readonly started: string[] = []
  /** Name → why it does not start. */
  readonly broken = new Map<string, string>()
  isReachable = true
  timesListed = 0
  /** How many were being started at once, at most. */
  mostAtOnce = 0
  /** Acts while a container is being started. */
  meanwhile: (name: string) => unknown = () => undefined
  #underWay = 0

  fail(name: string, ...volumes: string[]): void {
    const used = volumes.map((volume) => ({ name: volume, driver: 'convoy' }))
    this.down.set(name, {
      id: name,
      name,
      error: 'error while mounting volume',
      restartPolicy: 'always',
      volumes: used,
    })
  }

  async list(): Promise<readonly StoppedContainer[]> {
    this.timesListed++
    this.#check()
    return [...this.down.values()]
  }

  async start(id: string): Promise<void> {
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#underWay)
    try {
      await turn()
      await this.meanwhile(id)
      this.#check()
      this.started.push(id)
      const why = this.broken.get(id)
      if (!this.down.has(id)) throw new ConvoyError('not-found', `no such container: ${id}`)
      if (why !== undefined) throw new ConvoyError('unavailable', why)
      this.down.delete(id)
    } finally {
      this.#underWay--
    }
  }

  async isDockerThere(): Promise<boolean> {
    return this.isReachable
  }

  #check(): void {
    if (!this.isReachable) throw new ConvoyError('unavailable', 'there is no socket of Docker')
  }
}
