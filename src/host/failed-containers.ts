import type { DockerEngine, StoppedContainer } from './docker-engine.js'

/** The containers that Docker could not start because of us, for whoever starts them again. */
export class FailedContainers {
  readonly #docker: Pick<DockerEngine, 'facts' | 'listStopped' | 'start'>
  readonly #driver: string

  /** `driver`: our plugin name. */
  constructor(docker: Pick<DockerEngine, 'facts' | 'listStopped' | 'start'>, driver: string) {
    this.#docker = docker
    this.#driver = driver
  }

  /** Those that are meant to run, the oldest first: a newer one may need it. ConvoyError `unavailable`. */
  async list(): Promise<readonly StoppedContainer[]> {
    const stopped = await this.#docker.listStopped()
    return stopped.filter((one) => isLeftByMount(one, this.#driver) && isMeantToRun(one)).reverse()
  }

  /** One that runs by now is no error. ConvoyError `not-found` for one that is gone, `unavailable` for one that does not start. */
  start(id: string): Promise<void> {
    return this.#docker.start(id)
  }

  /** Whether Docker answers at all. */
  isDockerThere(): Promise<boolean> {
    return this.#docker.facts().then(
      () => true,
      () => false,
    )
  }
}

/** The second kind is that of an engine that started before the plugin; it names the volume. */
const mountError = /^(?:error while mounting volume|get (\S+): )/

/** Docker keeps the reason of the last start only, and drops it when a start succeeds: one that was stopped since has none. */
export function isLeftByMount({ error, volumes }: StoppedContainer, driver: string): boolean {
  const match = mountError.exec(error)
  if (match === null) return false
  const [, named] = match
  return volumes.some((volume) => volume.driver === driver && (named === undefined || named === volume.name))
}

/** Docker would have started it again: nobody decided that it stays down. */
export function isMeantToRun({ restartPolicy }: StoppedContainer): boolean {
  return restartPolicy !== 'no'
}
