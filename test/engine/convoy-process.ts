import { existsSync } from 'node:fs'
import { mkdir, readFile } from 'node:fs/promises'
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
  /** Not where Docker looks, so that a recorder can stand there. */
  readonly pluginSocket?: string
  /** Another build than that of this checkout. */
  readonly program?: string
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
    const socket = namespace.path('run', 'docker', 'plugins', `${this.name}.sock`)
    this.plugin = new PluginClient(settings.pluginSocket ?? socket)
  }

  get controlSocket(): string {
    return this.#namespace.path('run', 'convoy', `${this.name}.sock`)
  }

  get command(): readonly string[] {
    const root = this.#namespace.path('convoy')
    const paths = ['--root', root, '--driver-opts', `vfs.path=${this.volumesDirectory}`]
    const { pluginSocket, program = convoyMain, flags = [] } = this.#settings
    const socket = pluginSocket === undefined ? [] : ['--plugin-socket', pluginSocket]
    return [process.execPath, program, 'daemon', '--name', this.name, ...paths, ...socket, ...flags]
  }

  /** Starts and waits until it answers. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const { ended } = await this.launch(env)
    const failed = ended.then(async ({ exitCode, signal }) => {
      const said = (await readFile(this.#namespace.log('convoy'), 'utf8')).slice(-1000)
      throw new Error(`the daemon ended (${exitCode ?? signal ?? ''}) before it answered: ${said}`)
    })
    await Promise.race([failed, this.untilItAnswers()])
    failed.catch(() => undefined)
  }

  /** Starts with a clock that is ahead: what the last daemon left undecided for minutes is decided. */
  async startLater(laterMs: number): Promise<void> {
    const clock = new URL('clock-ahead.js', import.meta.url).href
    await this.start({ NODE_OPTIONS: `--import=${clock}`, CONVOY_TEST_AHEAD_MS: String(laterMs) })
  }

  /** Starts without waiting for an answer. */
  async launch(env: Readonly<Record<string, string>> = {}): Promise<NamespaceProcess> {
    await mkdir(this.volumesDirectory, { recursive: true })
    this.#process = await this.#namespace.start('convoy', this.command, env)
    return this.#process
  }

  /** Starts another one with the same arguments, which is expected to give up. */
  async launchSecond(): Promise<NamespaceProcess> {
    return await this.#namespace.start('second-convoy', this.command)
  }

  async untilItAnswers(): Promise<void> {
    await eventually('the daemon answers', async () => {
      // While it still reads its storage it closes the connection instead of answering.
      await this.plugin.get('a-name-that-no-volume-has')
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
    return Number((await this.status(volume))['mounts'] ?? 0)
  }

  volumePath(volume: string, ...parts: string[]): string {
    return [this.volumesDirectory, volume, ...parts].join('/')
  }

  /** Whether the volume's data is at its place. */
  holdsData(volume: string): boolean {
    return existsSync(this.volumePath(volume))
  }
}

function parseIfJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}
