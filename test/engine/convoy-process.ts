import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { execa } from 'execa'
import type { EngineNamespace } from './engine-namespace.js'
import type { NamespaceProcess } from './namespace-process.js'
import { PluginClient } from './plugin-client.js'
import { eventually } from './polling.js'
import { convoyMain } from './prerequisites.js'

export interface ConvoySettings {
  readonly name?: string
  /** Further arguments of `convoy daemon`. */
  readonly flags?: readonly string[]
  /** Bound over /run/docker/plugins for the daemon alone, so that a recorder can stand where Docker looks. */
  readonly pluginDirectory?: string
}

/** The daemon under test, in a namespace, with its root and its volumes below the namespace's directory. */
export class ConvoyProcess {
  readonly name: string
  readonly plugin: PluginClient
  readonly volumesDirectory: string
  readonly #namespace: EngineNamespace
  readonly #settings: ConvoySettings
  #process: NamespaceProcess | undefined

  constructor(namespace: EngineNamespace, settings: ConvoySettings = {}) {
    this.name = settings.name ?? 'convoy'
    this.#namespace = namespace
    this.#settings = settings
    this.volumesDirectory = namespace.path('volumes')
    const directory = settings.pluginDirectory ?? namespace.path('run', 'docker', 'plugins')
    this.plugin = new PluginClient(`${directory}/${this.name}.sock`)
  }

  get controlSocket(): string {
    return this.#namespace.path('run', 'convoy', `${this.name}.sock`)
  }

  get command(): readonly string[] {
    const root = this.#namespace.path('convoy')
    const paths = ['--root', root, '--driver-opts', `vfs.path=${this.volumesDirectory}`]
    return [process.execPath, convoyMain, 'daemon', '--name', this.name, ...paths, ...(this.#settings.flags ?? [])]
  }

  /** Starts and waits until it answers. */
  async start(env: NodeJS.ProcessEnv = {}): Promise<void> {
    await this.launch(env)
    await this.untilItAnswers()
  }

  /** Starts without waiting for an answer. */
  async launch(env: NodeJS.ProcessEnv = {}): Promise<NamespaceProcess> {
    await mkdir(this.volumesDirectory, { recursive: true })
    this.#process = await this.#namespace.start('convoy', [...this.#prefix(), ...this.command], env)
    return this.#process
  }

  /** Starts another one with the same arguments, which is expected to give up. */
  async launchSecond(): Promise<NamespaceProcess> {
    return await this.#namespace.start('second-convoy', this.command)
  }

  async untilItAnswers(): Promise<void> {
    await eventually('the daemon answers', async () => {
      if (this.#process?.isRunning === false) throw new Error('the daemon has ended')
      await this.plugin.list()
      return true
    })
  }

  async stop(): Promise<void> {
    await this.#process?.end('SIGTERM')
  }

  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL')
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  get process(): NamespaceProcess {
    if (this.#process === undefined) throw new Error('the daemon was not started')
    return this.#process
  }

  /** Runs `convoy` against this daemon; resolves to what it printed, parsed if it is JSON. */
  async cli(...args: string[]): Promise<unknown> {
    const { stdout } = await execa(process.execPath, [convoyMain, '--socket', this.controlSocket, ...args])
    return parseIfJson(stdout)
  }

  /** The Status that `docker volume inspect` shows. */
  async status(volume: string): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.plugin.get(volume)
    return answer.Volume?.Status ?? {}
  }

  /** How many mounts the daemon counts for the volume. */
  async mountCount(volume: string): Promise<number> {
    return Number((await this.status(volume))['MountCount'] ?? 0)
  }

  volumePath(volume: string, ...parts: string[]): string {
    return [this.volumesDirectory, volume, ...parts].join('/')
  }

  /** Whether the volume's data is at its place. */
  holdsData(volume: string): boolean {
    return existsSync(this.volumePath(volume))
  }

  #prefix(): readonly string[] {
    if (this.#settings.pluginDirectory === undefined) return []
    const bind = 'mount --bind "$0" /run/docker/plugins && exec "$@"'
    return ['unshare', '-m', '--propagation', 'unchanged', 'sh', '-c', bind, this.#settings.pluginDirectory]
  }
}

function parseIfJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
