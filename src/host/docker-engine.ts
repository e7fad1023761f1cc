import type Docker from 'dockerode'
import { ConvoyError } from '../errors.js'

/** Where Docker listens, and where its own client looks. */
export const dockerSocketPath = '/var/run/docker.sock'

export interface DockerFacts {
  readonly version: string
  /** Volume plugins that Docker has used since it started; unused ones it does not know. */
  readonly volumePlugins: readonly string[]
  readonly isInSwarm: boolean
}

export interface DockerVolume {
  readonly name: string
  readonly driver: string
}

export interface StoppedContainer {
  readonly id: string
  readonly name: string
  /** What made its last start fail; empty when that did not fail. */
  readonly error: string
  /** `no`, `always`, `unless-stopped` or `on-failure`. */
  readonly restartPolicy: string
  /** With the plugin's name as driver. */
  readonly volumes: readonly DockerVolume[]
}

export interface RunningContainer {
  readonly id: string
  readonly name: string
}

/** Longer than the 15 s that Docker takes for a plugin that is dead. */
const timeoutMs = 40_000
/** Docker itself gives a plugin 120 s to mount. */
const startTimeoutMs = 130_000

/** Docker's API, for whoever looks for what is wrong. Every call ends, and throws ConvoyErrors: `unavailable` where nothing else is said. */
export class DockerEngine {
  readonly #socketPath: string

  constructor(socketPath: string = dockerSocketPath) {
    this.#socketPath = socketPath
  }

  async facts(): Promise<DockerFacts> {
    return this.#ask(5000, async (docker) => {
      // Typed as any by dockerode.
      const info = (await docker.info()) as {
        readonly ServerVersion?: string
        readonly Plugins?: { readonly Volume?: readonly string[] | null }
        readonly Swarm?: { readonly LocalNodeState?: string }
      }
      return {
        version: info.ServerVersion ?? 'unknown',
        volumePlugins: info.Plugins?.Volume ?? [],
        isInSwarm: info.Swarm?.LocalNodeState === 'active',
      }
    })
  }

  /** Asks all plugins that Docker can find, and so makes it find them. */
  async listVolumes(): Promise<readonly DockerVolume[]> {
    return this.#ask(timeoutMs, async (docker) => {
      const { Volumes } = (await docker.listVolumes()) as {
        readonly Volumes: readonly Docker.VolumeInspectInfo[] | null
      }
      return (Volumes ?? []).map(({ Name, Driver }) => ({ name: Name, driver: Driver }))
    })
  }

  /** Containers that do not run, the newest first. */
  async listStopped(): Promise<readonly StoppedContainer[]> {
    return this.#ask(timeoutMs, async (docker) => {
      const filters = { status: ['created', 'exited'] }
      const containers = await docker.listContainers({ all: true, filters })
      const withVolumes = containers.filter(({ Mounts }) => Mounts.some(({ Type }) => Type === 'volume'))
      const stopped: StoppedContainer[] = []
      // One by one: there may be thousands.
      for (const { Id } of withVolumes) stopped.push(...(await inspect(docker, Id)))
      return stopped
    })
  }

  async listRunning(): Promise<readonly RunningContainer[]> {
    return this.#ask(timeoutMs, async (docker) => {
      const containers = await docker.listContainers()
      return containers.map(({ Id, Names }) => ({ id: Id, name: Names[0]?.replace(/^\//, '') ?? Id }))
    })
  }

  /** One that runs already is no error. ConvoyError `not-found` for one that is gone. */
  async start(container: string): Promise<void> {
    await this.#ask(startTimeoutMs, async (docker) => {
      await docker.getContainer(container).start().catch(unlessRunning)
    })
  }

  async #ask<T>(timeout: number, ask: (docker: Docker) => Promise<T>): Promise<T> {
    try {
      // Loaded here: most of what Convoy does needs no Docker.
      const { default: Client } = await import('dockerode')
      return await ask(new Client({ socketPath: this.#socketPath, timeout }))
    } catch (thrown) {
      throw this.#translate(thrown, timeout)
    }
  }

  #translate(thrown: unknown, timeout: number): ConvoyError {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown))
    const code = 'code' in error ? String(error.code) : ''
    const message =
      code === 'ECONNRESET' || code === 'ETIMEDOUT'
        ? `Docker did not answer within ${timeout / 1000} s`
        : (reasons[code] ?? reasonOf(error))
    const kind = isAnswer(thrown, 404) ? 'not-found' : 'unavailable'
    return new ConvoyError(kind, `${message} (${this.#socketPath})`, { cause: thrown })
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is no socket of Docker',
  ECONNREFUSED: 'nobody listens on the socket of Docker',
  EACCES: 'permission denied on the socket of Docker',
}

/** The engine's own words, where it gave any. */
function reasonOf(error: Error): string {
  const json: unknown = 'json' in error ? error.json : undefined
  const said = typeof json === 'object' && json !== null && 'message' in json ? json.message : undefined
  return typeof said === 'string' ? said : error.message
}

/** Nothing for one that was removed in this moment. */
async function inspect(docker: Docker, id: string): Promise<readonly StoppedContainer[]> {
  try {
    const { Name, State, HostConfig, Mounts } = await docker.getContainer(id).inspect()
    const volumes = Mounts.flatMap(({ Type, Name: name, Driver: driver }) =>
      Type === 'volume' && name !== undefined && driver !== undefined ? [{ name, driver }] : [],
    )
    const restartPolicy = HostConfig.RestartPolicy?.Name || 'no'
    return [{ id, name: Name.replace(/^\//, ''), error: State.Error, restartPolicy, volumes }]
  } catch (thrown) {
    if (isAnswer(thrown, 404)) return []
    throw thrown
  }
}

function unlessRunning(thrown: unknown): void {
  if (!isAnswer(thrown, 304)) throw thrown
}

function isAnswer(thrown: unknown, status: number): boolean {
  return thrown instanceof Error && 'statusCode' in thrown && thrown.statusCode === status
}
