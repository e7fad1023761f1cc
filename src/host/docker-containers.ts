import { lstatSync } from 'node:fs'
import type { Logger } from '../model/call-context.js'
import { dockerSocketPath as socketPath } from './docker-engine.js'

const timeoutMs = 5000

/**
 * Running containers that use a volume, by Docker's own account. `undefined` when Docker cannot be asked. Never called inside
 * a request of Docker's: it may be waiting for us.
 */
export class DockerContainers {
  readonly #driver: string
  readonly #log: Logger

  /** `driver`: our plugin name, so that another driver's volume of the same name does not count. */
  constructor(driver: string, log: Logger) {
    this.#driver = driver
    this.#log = log
  }

  async of(volume: string): Promise<readonly string[] | undefined> {
    return this.#list(volume, false)
  }

  async isNamed(volume: string): Promise<boolean | undefined> {
    const names = await this.#list(volume, true)
    return names === undefined ? undefined : names.length > 0
  }

  async #list(volume: string, all: boolean): Promise<readonly string[] | undefined> {
    if (lstatSync(socketPath, { throwIfNoEntry: false })?.isSocket() !== true) return undefined
    try {
      // Loaded at the first doubt: most daemons never have one.
      const { default: Docker } = await import('dockerode')
      const docker = new Docker({ socketPath, timeout: timeoutMs })
      const containers = await docker.listContainers({ all, filters: { volume: [volume] } })
      return containers
        .filter(({ Mounts }) => Mounts.some(({ Name, Driver }) => Name === volume && Driver === this.#driver))
        .map(({ Names, Id }) => Names[0]?.replace(/^\//, '') ?? Id)
    } catch (thrown) {
      this.#log.debug({ volume, err: thrown }, 'Docker cannot be asked for its containers')
      return undefined
    }
  }
}
