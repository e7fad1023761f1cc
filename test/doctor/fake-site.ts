import { checks } from '../../src/doctor/checks.js'
import {
  type ControlSource,
  type DaemonAddress,
  DaemonView,
  type DiskInventory,
  type KnownDisk,
} from '../../src/doctor/daemon-view.js'
import { Doctor } from '../../src/doctor/doctor.js'
import type { DockerView, HostView, Site } from '../../src/doctor/site.js'
import { ConvoyError } from '../../src/errors.js'
import type { DeadMount } from '../../src/host/dead-mounts.js'
import type { DockerVolume, RunningContainer, StoppedContainer } from '../../src/host/docker-engine.js'
import type { Propagation } from '../../src/host/mount-propagation.js'
import type { PluginFile } from '../../src/host/plugin-files.js'
import type { SocketState } from '../../src/host/sockets.js'
import type { ConfigReport } from '../../src/model/config-report.js'

export const pluginPath = '/run/docker/plugins/convoy.sock'
const controlPath = '/var/run/convoy/convoy.sock'
const GiB = 1024 ** 3

const option = (name: string, value: string) => ({ name, value, source: 'default', overrides: [] })

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] extends readonly (infer One)[] ? One[] : T[Key] }

/** A host on which all is well, until a test breaks something. `type` is the person who types what mends it. */
export class FakeSite {
  now = new Date('2026-11-20T12:00:00Z')
  isDaemonRunning = true
  isDockerRunning = true
  isConfigRight = true
  units: string[] = []
  /** How the daemon is named in the command line. */
  which: DaemonAddress = {}
  isSynchronised: boolean | undefined = true
  propagation: Propagation = 'shared'
  freeBytes = 500 * GiB
  freeInodes = 1000
  /** Of the storage: it does not answer. */
  isHanging = false
  sockets = new Map<string, SocketState>([
    [pluginPath, 'listening'],
    [controlPath, 'listening'],
  ])
  files: PluginFile[] = [socketFile(pluginPath)]
  plugins = ['local', 'convoy']
  isInSwarm = false
  volumes: DockerVolume[] = [{ name: 'db', driver: 'convoy' }]
  containers: StoppedContainer[] = []
  running: RunningContainer[] = []
  deadMounts: DeadMount[] = []
  started: string[] = []
  answers = {
    '/v1/info': { General: { Version: '1.2.3' } },
    '/v1/config': {
      options: [
        ...[option('name', 'convoy'), option('root', '/var/lib/convoy'), option('vfs.path', '/srv/volumes')],
        option('plugin-socket', pluginPath),
      ],
      profiles: {},
      warnings: [] as string[],
      needsRestart: [] as string[],
    } satisfies ConfigReport,
    '/v1/diagnosis': {
      pid: 42,
      node: 'v20',
      isComplete: true,
      newestRecordAt: '2026-11-20T11:00:00.000Z',
    } as Record<string, unknown>,
    '/v1/inventory': { disks: [], failures: [] } as Mutable<DiskInventory>,
    '/v1/summaries': [{ name: 'db', driver: 'vfs' }],
    '/v1/forgotten': [] as { name: string; driver: string }[],
    '/v1/trash': [] as { name: string; expiresAt: string }[],
  }

  get source(): ControlSource {
    return {
      socketPath: controlPath,
      get: (path) => {
        if (!this.isDaemonRunning) return Promise.reject(new ConvoyError('unavailable', `no daemon at ${controlPath}`))
        const answer = (this.answers as Readonly<Record<string, unknown>>)[path]
        return answer === undefined
          ? Promise.reject(new ConvoyError('not-found', `no route ${path}`))
          : Promise.resolve(structuredClone(answer))
      },
      stream: async ({ onText }) => {
        onText('id: 1\n')
      },
    }
  }

  get view(): DaemonView {
    return new DaemonView(this.source, () =>
      this.isConfigRight
        ? Promise.resolve(this.answers['/v1/config'])
        : Promise.reject(new ConvoyError('invalid-argument', '/etc/convoy/convoy.yaml:3: unknown option jbos')),
    )
  }

  get doctor(): Doctor {
    const pack = () => Promise.reject(new Error('nothing is packed here'))
    return new Doctor({ checks, which: this.which, openSite: () => this.#open(), pack })
  }

  #open(): Site {
    return { now: this.now, daemon: this.view, docker: this.#docker, host: this.#host }
  }

  get #docker(): DockerView {
    const up = async () => {
      if (!this.isDockerRunning) throw new ConvoyError('unavailable', 'there is no socket of Docker')
    }
    return {
      facts: async () =>
        up().then(() => ({ version: '29', volumePlugins: [...this.plugins], isInSwarm: this.isInSwarm })),
      listVolumes: async () => {
        await up()
        if (!this.plugins.includes('convoy')) this.plugins.push('convoy')
        return [...this.volumes]
      },
      listStopped: async () => up().then(() => [...this.containers]),
      listRunning: async () => up().then(() => [...this.running]),
      start: async (id) => {
        if (id === 'broken') throw new ConvoyError('unavailable', 'error while mounting volume: still no disk')
        this.started.push(id)
        this.containers = this.containers.filter((container) => container.id !== id)
      },
    }
  }

  get #host(): HostView {
    return {
      pluginFiles: () => [...this.files],
      probeSocket: async (path) => this.sockets.get(path) ?? 'missing',
      diskSpace: async (path) => {
        if (this.isHanging && path === '/srv/volumes') throw new ConvoyError('deadline-exceeded', 'stat did not end')
        const { freeBytes, freeInodes } = this
        return { filesystem: 'f1', sizeBytes: 1000 * GiB, freeBytes, inodes: 10_000, freeInodes }
      },
      deadMounts: async (paths) => (paths.includes('/srv/volumes') ? [...this.deadMounts] : []),
      propagation: () => this.propagation,
      isClockSynchronised: async () => this.isSynchronised,
      hasUnit: (name) => this.units.includes(name),
      removeDeadSocket: async (path) => this.type(`sudo rm ${path}`),
      setAside: (path) => this.type(`sudo mv ${path} ${path}.disabled`),
      writeNew: (path, text) => this.type(`echo ${text.trim()} | sudo tee ${path}`),
    }
  }

  /** Does what the command does on a real host. */
  type(command: string): void {
    for (const [pattern, act] of this.#commands) {
      const match = pattern.exec(command)
      if (match !== null) return act(match[1] ?? '', match[2] ?? '')
    }
    throw new Error(`nobody knows this command: ${command}`)
  }

  readonly #commands: readonly (readonly [RegExp, (one: string, other: string) => void])[] = [
    [
      /^sudo (?:systemctl (?:re)?start convoy|(?:kill (?:42|\$\(cat \/var\/lib\/convoy\/convoy.pid\)) && sudo )?convoy daemon)$/,
      () => this.#startDaemon(),
    ],
    [
      /^sudo (?:systemctl edit --full convoy && sudo systemctl restart convoy|kill 42 && sudo nsenter --mount=\/proc\/1\/ns\/mnt convoy daemon)$/,
      () => this.#share(),
    ],
    [/^sudo convoy daemon --check$/, () => this.#correctConfiguration()],
    [/^sudo convoy rebuild$/, () => this.#rebuild()],
    [/^sudo convoy doctor$/, () => (this.answers['/v1/inventory'].failures = [])],
    [/^aws ec2 (?:detach-volume|describe-volumes) --volume-ids? (vol-\S+)/, () => this.#changeDisks()],
    [/^sudo mount --make-rshared \/$/, () => this.#share()],
    [/^sudo mount \/srv\/volumes$/, () => this.#mountStorage()],
    [/^sudo (?:systemctl start docker|dockerd)$/, () => (this.isDockerRunning = true)],
    [/^sudo docker volume ls$/, () => this.plugins.push('convoy')],
    [/^sudo docker volume rm (\S+)$/, (name) => (this.volumes = this.volumes.filter((one) => one.name !== name))],
    [
      /^sudo docker restart (\S+)$/,
      (name) => {
        const { id } = this.running.find((one) => one.name === name) ?? {}
        this.deadMounts = this.deadMounts.filter(({ container }) => container !== id)
      },
    ],
    [/^sudo docker start (\S+)$/, (name) => (this.containers = this.containers.filter((one) => one.name !== name))],
    [/^sudo (?:rm|mv) (\S+)/, (path) => (this.files = this.files.filter((file) => file.path !== path))],
    [/^echo (\S+) \| sudo tee (\S+)$/, (address, path) => this.files.unshift(specFile(path, address))],
    [/^sudo convoy trash empty/, () => this.#emptyTrash()],
    [/^sudo convoy delete /, () => (this.answers['/v1/forgotten'] = [])],
    [/^sudo du -xh --max-depth=1 \/var\/lib\/convoy \/srv\/volumes \| sort -h$/, () => this.#makeRoom()],
    [/^sudo convoy du \$\(sudo convoy ls -q\) \| sort -h$/, () => delete this.answers['/v1/diagnosis']['spaces']],
    [/^sudo umount -l \/srv\/volumes && sudo mount \/srv\/volumes$/, () => (this.isHanging = false)],
    [/^sudo timedatectl set-ntp true$/, () => this.#setClock()],
  ]

  #startDaemon(): void {
    this.isDaemonRunning = true
    this.sockets.set(pluginPath, 'listening')
    this.files = [socketFile(pluginPath)]
    this.answers['/v1/config'].needsRestart = []
    delete this.answers['/v1/diagnosis']['databaseError']
  }

  #mountStorage(): void {
    this.answers['/v1/diagnosis']['isComplete'] = true
    delete this.answers['/v1/diagnosis']['unavailable']
  }

  #rebuild(): void {
    delete this.answers['/v1/diagnosis']['degraded']
    this.answers['/v1/inventory'].disks = this.answers['/v1/inventory'].disks.map((disk) => ({
      ...disk,
      isKnown: true,
    }))
  }

  /** What a person does who has looked. */
  #changeDisks(): void {
    this.answers['/v1/inventory'].disks = []
  }

  #share(): void {
    this.propagation = 'shared'
  }

  #correctConfiguration(): void {
    this.isConfigRight = true
    this.answers['/v1/config'].warnings = []
  }

  #emptyTrash(): void {
    this.answers['/v1/trash'] = []
    this.#makeRoom()
  }

  #makeRoom(): void {
    this.freeBytes = 500 * GiB
    this.freeInodes = 1000
  }

  #setClock(): void {
    this.now = new Date('2027-01-01T00:00:00Z')
    this.isSynchronised = true
  }
}

export function socketFile(path: string): PluginFile {
  const name = /([^/]*)\.sock$/.exec(path)?.[1] ?? ''
  return { path, name, kind: 'socket', address: `unix://${path}` }
}

export function specFile(path: string, address: string): PluginFile {
  const name = /([^/]*)\.[a-z]*$/.exec(path)?.[1] ?? ''
  return { path, name, kind: 'spec', address }
}

export function disk(parts: Partial<KnownDisk> = {}): KnownDisk {
  const sizes = { storageId: 'vol-0123456789abcdef0', sizeBytes: 20 * GiB }
  const known = { isKnown: true, isNameTaken: false, isIdle: false }
  return { driver: 'ebs', name: 'pg', state: 'live', ...sizes, ...known, ...parts }
}

export function stopped(name: string, parts: Partial<StoppedContainer> = {}): StoppedContainer {
  const error = "error while mounting volume '': the directory is missing"
  const volumes = [{ name: 'db', driver: 'convoy' }]
  return { id: name, name, error, restartPolicy: 'always', volumes, ...parts }
}
