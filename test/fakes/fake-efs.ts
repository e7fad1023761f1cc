import type { AccessPoint, AccessPointRequest, EfsApi, MountTarget } from '../../src/drivers/vfs/efs-api.js'
import { ConvoyError } from '../../src/errors.js'
import type { FaultInjector } from './fault-injector.js'

interface Known extends AccessPoint {
  readonly request: AccessPointRequest
}

/** The EFS of AWS, which outlives the daemon: it refuses what it would refuse, and makes one access point for one token. */
export class FakeEfs implements EfsApi {
  readonly targets: MountTarget[] = []
  readonly fileSystems = new Set<string>(['fs-0123456789abcdef0'])
  readonly made: Known[] = []
  /** How often an access point is still `creating` when it is asked for. */
  slowness = 0
  /** Thrown by each call of that name. */
  readonly refusals = new Map<keyof EfsApi, ConvoyError>()
  #faults: FaultInjector

  constructor(faults: FaultInjector) {
    this.#faults = faults
  }

  restart(faults: FaultInjector): void {
    this.#faults = faults
  }

  get ids(): readonly string[] {
    return this.made.map(({ id }) => id)
  }

  mountTargets(fileSystem: string): Promise<readonly MountTarget[]> {
    return this.#step('mountTargets', () => {
      this.#check(fileSystem)
      return [...this.targets]
    })
  }

  createAccessPoint(request: AccessPointRequest): Promise<AccessPoint> {
    return this.#step('createAccessPoint', () => {
      this.#check(request.fileSystem)
      const known = this.made.find(({ request: { token } }) => token === request.token)
      if (known !== undefined) return known
      const id = `fsap-${request.token.replaceAll('-', '').slice(-17)}`
      const one = { id, state: 'creating', tags: request.tags, request }
      this.made.push(one)
      return one
    })
  }

  findAccessPoint(id: string): Promise<AccessPoint | undefined> {
    return this.#step('findAccessPoint', () => {
      const found = this.made.find((one) => one.id === id)
      if (found === undefined) return undefined
      return { ...found, state: this.slowness-- > 0 ? 'creating' : 'available' }
    })
  }

  accessPointsOf(fileSystem: string): Promise<readonly AccessPoint[]> {
    return this.#step('accessPointsOf', () => {
      this.#check(fileSystem)
      return this.made.filter(({ request }) => request.fileSystem === fileSystem)
    })
  }

  deleteAccessPoint(id: string): Promise<void> {
    return this.#step('deleteAccessPoint', () => {
      const index = this.made.findIndex((one) => one.id === id)
      if (index >= 0) this.made.splice(index, 1)
    })
  }

  #step<T>(call: keyof EfsApi, act: () => T): Promise<T> {
    return this.#faults.step(call, () => {
      const refusal = this.refusals.get(call)
      if (refusal !== undefined) throw refusal
      return act()
    })
  }

  #check(fileSystem: string): void {
    if (!this.fileSystems.has(fileSystem))
      throw new ConvoyError('not-found', `File system ${fileSystem} does not exist`)
  }
}
