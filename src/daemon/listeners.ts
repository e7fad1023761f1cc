import { rmSync } from 'node:fs'
import type { ApiDeps } from '../api/api-deps.js'
import { createPluginServer } from '../api/server.js'
import { startTimer } from '../host/clock.js'
import { inheritedDescriptors, linkSocket, listenOnDescriptor, listenOnPath, unlinkSocket } from '../host/sockets.js'
import type { DaemonConfig } from './config.js'
import type { Configuration } from './configuration.js'
import { defaultPlaces, oldControlSocket } from '../model/default-places.js'

type App = ReturnType<typeof createPluginServer>

interface Listener {
  readonly app: App
  readonly path: string
  readonly descriptor: number | undefined
}

const drainMs = 10_000

/** The sockets that the daemon answers on: Docker's and the command line's. */
export class Listeners {
  readonly #configuration: Configuration
  readonly #api: ApiDeps
  readonly #descriptors = inheritedDescriptors(process.env)
  readonly #open: Listener[] = []
  readonly #closing = new AbortController()
  #oldPath: string | undefined

  constructor(configuration: Configuration, deps: Pick<ApiDeps, 'version' | 'core' | 'notifications' | 'log'>) {
    this.#configuration = configuration
    this.#api = {
      ...deps,
      closing: this.#closing.signal,
      startTimer,
      // They may change while we answer.
      get createOnDockerMount() {
        return configuration.current.createOnDockerMount
      },
      get mountDeadlineMs() {
        return configuration.current.mountDeadlineMs
      },
      get general() {
        return describe(configuration.current)
      },
      describeConfig: () => configuration.report,
    }
  }

  /** Docker's first: it may be waiting. ConvoyError says which one is taken. */
  async open(): Promise<void> {
    const { pluginSocket, controlSocket } = this.#configuration.current
    await this.#listen(createPluginServer(this.#api), pluginSocket, this.#descriptors.get('plugin'))
    const { createControlServer } = await import('../api/control-server.js')
    await this.#listen(createControlServer(this.#api), controlSocket, this.#descriptors.get('control'))
    await this.#linkOldPath()
  }

  async #linkOldPath(): Promise<void> {
    const { name, controlSocket } = this.#configuration.current
    if (controlSocket !== defaultPlaces(name).socket) return
    const path = oldControlSocket(name)
    const isLinked = await linkSocket(path, controlSocket)
    // A socket that systemd keeps is there when we are not, and so is its other name.
    if (isLinked && !this.#descriptors.has('control')) this.#oldPath = path
    if (!isLinked)
      this.#api.log.warn({ path }, 'something else is where older scripts look for the control socket: it stays there')
  }

  async #listen(app: App, path: string, descriptor: number | undefined): Promise<void> {
    await app.ready()
    // Not app.listen(): it cannot take an inherited descriptor.
    if (descriptor === undefined) await listenOnPath(app.server, path)
    else await listenOnDescriptor(app.server, descriptor)
    this.#open.push({ app, path, descriptor })
  }

  /** Answers what is under way, then closes. Sockets that we made are removed: a dead one costs every Docker command 15 s. */
  async close(): Promise<void> {
    for (const { path, descriptor } of this.#open) if (descriptor === undefined) rmSync(path, { force: true })
    if (this.#oldPath !== undefined) unlinkSocket(this.#oldPath, this.#configuration.current.controlSocket)
    this.#closing.abort()
    await Promise.all(this.#open.map(({ app }) => drain(app)))
  }
}

async function drain(app: App): Promise<void> {
  const impatient = setTimeout(() => app.server.closeAllConnections(), drainMs)
  // A connection that is busy now is idle once it is answered, and Docker would keep it open.
  const patient = setInterval(() => app.server.closeIdleConnections(), 20)
  await new Promise((resolve) => app.server.close(resolve))
  clearTimeout(impatient)
  clearInterval(patient)
  await app.close()
}

function describe(config: DaemonConfig): ApiDeps['general'] {
  const [defaultDriver] = config.drivers.keys()
  return {
    Root: config.root,
    DriverList: [...config.drivers.keys()],
    DefaultDriver: defaultDriver,
    IgnoreDockerDelete: config.onDockerRemove === 'ignore',
    CreateOnDockerMount: config.createOnDockerMount,
    Name: config.name,
    PluginSocket: config.pluginSocket,
    OnDockerRemove: config.onDockerRemove,
    TrashRetentionMs: config.trashRetentionMs,
  }
}
