import { mkdir, rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import type { EngineNamespace } from './engine-namespace.js'
import type { NamespaceProcess } from './namespace-process.js'
import { httpOverSocket } from './plugin-client.js'
import { eventually } from './polling.js'
import type { EngineVersion, Tools } from './prerequisites.js'

export interface Outcome {
  readonly exitCode: number
  readonly stdout: string
  readonly stderr: string
}

export interface VolumeInspection {
  readonly Name: string
  readonly Driver: string
  readonly Scope: string
  readonly CreatedAt: string
  readonly Mountpoint: string
  readonly Labels: Readonly<Record<string, string>> | null
  readonly Options: Readonly<Record<string, string>> | null
  readonly Status?: Readonly<Record<string, unknown>>
}

export interface ContainerInspection {
  readonly Id: string
  readonly RestartCount: number
  readonly State: {
    readonly Running: boolean
    readonly Restarting: boolean
    readonly Pid: number
    readonly StartedAt: string
  }
  readonly Mounts: readonly { readonly Name: string; readonly Driver: string; readonly Destination: string }[]
}

/** A private dockerd of one version, and the client that talks to it. */
export class DockerEngine {
  readonly version: EngineVersion
  readonly #namespace: EngineNamespace
  readonly #tools: Tools
  #process: NamespaceProcess | undefined

  constructor(namespace: EngineNamespace, tools: Tools, version: EngineVersion) {
    this.#namespace = namespace
    this.#tools = tools
    this.version = version
  }

  get socket(): string {
    return this.#namespace.path('run', 'docker.sock')
  }

  /** For the client and for Compose. */
  get environment(): Record<string, string> {
    return {
      DOCKER_HOST: `unix://${this.socket}`,
      DOCKER_CONFIG: this.#namespace.path('docker-config'),
      // Compose 1.29 takes its API version from the file's, and engine 29 serves none below 1.40.
      COMPOSE_API_VERSION: '1.41',
      COMPOSE_HTTP_TIMEOUT: '120',
    }
  }

  /** Starts, waits until it answers, and brings the image `busybox` when it is not there yet. */
  async start(...flags: string[]): Promise<void> {
    await rm(this.#namespace.path('exec', 'containerd', 'containerd.pid'), { force: true })
    await this.#launch(flags)
    await eventually('the engine answers', async () => {
      if (this.#process?.isRunning === false) throw new Error(`dockerd has ended, see its log`)
      return (await this.api('GET', '/_ping')).status === 200
    })
  }

  async #launch(flags: readonly string[]): Promise<void> {
    const place = (...parts: string[]): string => this.#namespace.path(...parts)
    const directory = this.#tools.engines[this.version]
    const paths = ['--data-root', place('data'), '--exec-root', place('exec'), '--pidfile', place('docker.pid')]
    paths.push('--cgroup-parent', this.#namespace.cgroup)
    const network = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false', '--ip-masq=false']
    const command = [join(directory, 'dockerd'), '--host', `unix://${this.socket}`, ...paths, ...network, ...flags]
    const env = { PATH: `${directory}:${process.env['PATH'] ?? ''}`, TMPDIR: '/var/tmp' }
    this.#process = await this.#namespace.start('dockerd', command, env)
  }

  async stop(): Promise<void> {
    await this.#process?.end('SIGTERM')
  }

  /** As a crash of the engine: its containerd dies with it, its containers do not. */
  async kill(): Promise<void> {
    await this.#process?.end('SIGKILL')
  }

  /** Imports busybox with all its applets, and puts Compose 5 where the client looks. */
  async prepare(): Promise<void> {
    const root = this.#namespace.path('image')
    await mkdir(join(root, 'bin'), { recursive: true })
    await Promise.all(['tmp', 'etc', 'image-content'].map(async (name) => mkdir(join(root, name))))
    await execa('cp', [this.#tools.busybox, join(root, 'bin', 'busybox')])
    const { stdout } = await execa(this.#tools.busybox, ['--list'])
    const applets = stdout.split('\n').filter((name) => name !== '' && name !== 'busybox')
    await Promise.all(applets.map(async (name) => symlink('busybox', join(root, 'bin', name))))
    await execa('sh', ['-c', 'echo from the image > "$0"/image-content/file', root])
    const archive = this.#namespace.path('image.tar')
    await execa('tar', ['-C', root, '-cf', archive, '.'])
    await this.importImage()
    const plugins = this.#namespace.path('docker-config', 'cli-plugins')
    await mkdir(plugins, { recursive: true })
    await symlink(this.#tools.compose5, join(plugins, 'docker-compose'))
  }

  async importImage(): Promise<void> {
    await this.docker('import', this.#namespace.path('image.tar'), 'busybox:latest')
  }

  /** Runs `docker ARGS`; rejects when it fails; resolves to its standard output. */
  async docker(...args: string[]): Promise<string> {
    const { stdout } = await execa(this.#tools.client, args, { env: this.environment })
    return stdout
  }

  /** Runs `docker ARGS`, whatever comes of it. */
  async tryDocker(...args: string[]): Promise<Outcome> {
    const { exitCode, stdout, stderr } = await execa(this.#tools.client, args, { env: this.environment, reject: false })
    return { exitCode: exitCode ?? -1, stdout, stderr }
  }

  /** `docker run --network none ARGS`: there is no bridge. */
  async run(...args: string[]): Promise<string> {
    return await this.docker('run', '--network', 'none', ...args)
  }

  /** Starts a container that stays, and ends at once when it is stopped. */
  async runInBackground(name: string, ...args: string[]): Promise<void> {
    await this.run('-d', '--name', name, '--stop-signal', 'KILL', ...args, 'busybox', 'sleep', '1000000')
  }

  async tryRun(...args: string[]): Promise<Outcome> {
    return await this.tryDocker('run', '--network', 'none', ...args)
  }

  async exec(container: string, ...command: string[]): Promise<string> {
    return await this.docker('exec', container, ...command)
  }

  /** Runs a shell script in the container. */
  async shell(container: string, script: string): Promise<string> {
    return await this.exec(container, 'sh', '-c', script)
  }

  async inspectVolume(name: string): Promise<VolumeInspection> {
    const [volume] = JSON.parse(await this.docker('volume', 'inspect', name)) as [VolumeInspection]
    return volume
  }

  async inspectContainer(name: string): Promise<ContainerInspection> {
    const [container] = JSON.parse(await this.docker('container', 'inspect', name)) as [ContainerInspection]
    return container
  }

  /** Whether the container runs. */
  async isRunning(container: string): Promise<boolean> {
    return (await this.docker('inspect', '--format', '{{.State.Running}}', container)) === 'true'
  }

  async removeContainers(): Promise<void> {
    const containers = (await this.docker('ps', '--all', '--quiet')).split('\n').filter((id) => id !== '')
    if (containers.length > 0) await this.docker('rm', '--force', ...containers)
  }

  /** The engine's own API, for what must go faster than one client per call. */
  async api(method: string, path: string, body?: object): Promise<{ status: number; text: string }> {
    const text = body === undefined ? '' : JSON.stringify(body)
    const headers = body === undefined ? {} : { 'Content-Type': 'application/json' }
    return await httpOverSocket(this.socket, { method, path, body: text, headers: { Host: 'docker', ...headers } })
  }

  async compose1(directory: string, ...args: string[]): Promise<Outcome> {
    return await this.#compose(this.#tools.compose1, args, directory)
  }

  async compose5(directory: string, ...args: string[]): Promise<Outcome> {
    return await this.#compose(this.#tools.client, ['compose', ...args], directory)
  }

  async #compose(command: string, args: readonly string[], cwd: string): Promise<Outcome> {
    // Compose 5 asks before it makes a changed volume anew: without an input it takes no for an answer.
    const options = { cwd, env: this.environment, stdin: 'ignore', reject: false } as const
    const { exitCode, stdout, stderr } = await execa(command, args, options)
    return { exitCode: exitCode ?? -1, stdout, stderr }
  }
}
