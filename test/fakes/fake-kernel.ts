import { ConvoyError } from '../../src/errors.js'
import type { MountHolder } from '../../src/host/mount-holders.js'
import { findMount, isBelow, locate, type MountEntry } from '../../src/host/mount-table.js'
import type { VolumeHolders } from '../../src/host/volume-holders.js'

const rootDevice = '8:1'

/**
 * What the kernel knows of mounts: the host's table, and one for each container, which keeps what it has mounted when the host
 * unmounts it. It also notes what must never happen: `violations` stays empty in a world where nobody loses data.
 */
export class FakeKernel {
  readonly violations: string[] = []
  /** Paths that processes of the host use: they cannot be unmounted. */
  readonly busy = new Set<string>()
  /** A file system does not answer: umount can only take it out of sight. */
  isLazy = false
  bootId = 'boot-1'
  #nextId = 100
  #host: MountEntry[] = []
  readonly #containers = new Map<string, MountEntry[]>()
  /** Block devices: path → major:minor. */
  readonly #devices = new Map<string, string>()

  constructor() {
    this.#host = [this.#entry({ device: rootDevice, source: '/dev/root', mountpoint: '/' })]
  }

  get hostMounts(): readonly MountEntry[] {
    return this.#host
  }

  get containers(): readonly string[] {
    return [...this.#containers.keys()]
  }

  get devices(): readonly string[] {
    return [...this.#devices.keys()]
  }

  /** A container starts, or goes on, with what is at `path` in it. */
  bind(container: string, path: string): void {
    const { device, root } = locate(this.#host, path)
    const table = this.#containers.get(container) ?? []
    table.push(this.#entry({ device, root, source: device, mountpoint: `/in-container/${table.length}` }))
    this.#containers.set(container, table)
  }

  /** A container ends, and its mounts with it. */
  exit(container: string): void {
    this.#containers.delete(container)
  }

  /** Every mount and process is gone; devices are found again. */
  reboot(): void {
    this.#host = this.#host.filter(({ mountpoint }) => mountpoint === '/')
    this.#containers.clear()
    this.busy.clear()
    this.bootId = `boot-${this.#nextId++}`
  }

  attachDevice(path: string, number = `259:${this.#nextId++}`): void {
    if (!this.#devices.has(path)) this.#devices.set(path, number)
  }

  /** Takes a disk away, whoever uses it: as if somebody had detached it by hand. */
  loseDevice(path: string): void {
    this.#devices.delete(path)
  }

  isDiskThere(device: string): boolean {
    return !device.startsWith('259:') || [...this.#devices.values()].includes(device)
  }

  removeDevice(path: string): void {
    const device = this.#devices.get(path)
    if (device === undefined) return
    const isMounted = this.#allMounts().some((entry) => entry.device === device)
    if (isMounted) this.violations.push(`device ${path} was detached while it was mounted`)
    this.#devices.delete(path)
  }

  /** Says that what was at `path` of the host is moved away or destroyed. */
  noteRemoved(path: string): void {
    const device = this.#devices.get(path)
    const isMounted = device !== undefined && this.#allMounts().some((entry) => entry.device === device)
    if (isMounted || this.#holdersOf(path).length > 0) this.violations.push(`${path} was removed while it was in use`)
  }

  mount(source: string, mountpoint: string, fsType: string): void {
    const device = this.#devices.get(source)
    if (device === undefined) throw new ConvoyError('unavailable', `special device ${source} does not exist`)
    this.#host.push(this.#entry({ device, source, mountpoint, fsType }))
  }

  unmount(mountpoint: string): void {
    const found = findMount(this.#host, mountpoint)
    if (found === undefined) return
    if (this.busy.has(mountpoint)) throw new ConvoyError('in-use', `cannot unmount "${mountpoint}": it is busy`)
    if (this.#holdersOf(mountpoint).length > 0) this.violations.push(`${mountpoint} was unmounted under a container`)
    this.#host = this.#host.filter((entry) => entry !== found)
  }

  /** Whoever has it keeps it. */
  abandon(mountpoint: string): void {
    this.#host = this.#host.filter((entry) => entry.mountpoint !== mountpoint)
  }

  findMounted(mountpoint: string): MountEntry | undefined {
    return findMount(this.#host, mountpoint)
  }

  /** The device path behind a path of the host, and where on it. */
  resolve(path: string): { readonly device: string | undefined; readonly root: string } {
    const { device, root } = locate(this.#host, path)
    return { device: [...this.#devices].find(([, number]) => number === device)?.[0], root }
  }

  #holdersOf(path: string): MountHolder[] {
    const mount = findMount(this.#host, path)
    const target = mount === undefined ? locate(this.#host, path) : undefined
    const isHolding = (entry: MountEntry) =>
      target === undefined
        ? entry.device === mount?.device
        : entry.device === target.device && isBelow(entry.root, target.root)
    return [...this.#containers].flatMap(([container, table], index) =>
      table.filter(isHolding).map(({ mountpoint }) => ({
        pid: 1000 + index,
        namespace: `mnt:[${container}]`,
        mountpoint,
        isOwnNamespace: false,
        deleted: false,
      })),
    )
  }

  #allMounts(): MountEntry[] {
    return [...this.#host, ...[...this.#containers.values()].flat()]
  }

  #entry(given: Pick<MountEntry, 'device' | 'source' | 'mountpoint'> & Partial<MountEntry>): MountEntry {
    const top = this.#host.find(({ mountpoint }) => mountpoint === '/')
    const mountId = this.#nextId++
    const parentId = top?.mountId ?? mountId
    const rest = { root: '/', deleted: false, options: [], fsType: 'ext4', superOptions: [] }
    return { mountId, parentId, ...rest, ...given }
  }

  /** The kernel as {@link VolumeHolders} shows it. */
  readonly holders: VolumeHolders & { isBlind: boolean; failure: ConvoyError | undefined } = {
    /** As in a container of our own, which sees only its own processes. */
    isBlind: false,
    failure: undefined,
    ofEach: (places) => {
      const { failure, isBlind } = this.holders
      if (failure !== undefined) return Promise.reject(failure)
      return Promise.resolve(places.map(({ path }) => (isBlind ? [] : this.#holdersOf(path))))
    },
    commandOf: (pid) => `process-${pid}`,
    seesEveryNamespace: () => !this.holders.isBlind,
  }
}
