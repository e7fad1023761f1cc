import { FakeTime } from './fake-time.js'
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MountSource } from '../../../src/drivers/driver.js'
import { formatSidecar, type Sidecar } from '../../../src/drivers/vfs/sidecar.js'
import { KnownShares } from '../../../src/drivers/vfs/known-shares.js'
import { OwnAccessPoints } from '../../../src/drivers/vfs/own-access-points.js'
import { DirectoryRoot } from '../../../src/drivers/vfs/vfs-root.js'
import { VfsPlace, type VfsPlaceDeps } from '../../../src/drivers/vfs/vfs-place.js'
import { VfsPlaces } from '../../../src/drivers/vfs/vfs-places.js'
import { VfsDriver } from '../../../src/drivers/vfs/vfs-driver.js'
import type { FileOperation, FileResult } from '../../../src/host/file-operations.js'
import { FileProcess } from '../../../src/host/file-process.js'
import { ProjectQuota } from '../../../src/host/project-quota.js'
import type { DriverStorage } from '../../conformance/driver-world.js'
import { named } from '../../conformance/driver-world.js'
import { FakeClock } from '../../fakes/fake-clock.js'
import { FaultInjector } from '../../fakes/fault-injector.js'

/** A directory with vfs volumes, and the real child process that works on it. */
export class VfsDirectory implements DriverStorage {
  readonly path: string
  readonly #temporary: string
  readonly #quota: ProjectQuota
  readonly #files = new FileProcess()
  readonly clock = new FakeClock()

  private constructor(temporary: string, quota: ProjectQuota) {
    this.#temporary = temporary
    this.#quota = quota
    this.path = join(temporary, 'volumes')
  }

  static async open(quota = new ProjectQuota()): Promise<VfsDirectory> {
    const directory = new VfsDirectory(await realpath(await mkdtemp(join(tmpdir(), 'convoy-vfs-'))), quota)
    await mkdir(directory.path)
    return directory
  }

  open(faults = new FaultInjector(), hostId = 'this-host'): VfsDriver {
    const files = stepwise(this.#files, faults)
    return openDriver(this.path, { files, quota: this.#quota, hostId, now: this.clock.now })
  }

  at(...names: readonly string[]): string {
    return join(this.path, ...names)
  }

  async read(source: MountSource): Promise<string | undefined> {
    return readFile(join(pathOf(source), 'data'), 'utf8').catch(() => undefined)
  }

  async write(source: MountSource, text: string): Promise<void> {
    await writeFile(join(pathOf(source), 'data'), text)
  }

  async plant(text: string, name = 'planted') {
    await mkdir(this.at(name), { recursive: true })
    await writeFile(this.at(name, 'data'), text)
    return { id: name }
  }

  readPlanted(name = 'planted'): Promise<string | undefined> {
    return readFile(this.at(name, 'data'), 'utf8').catch(() => undefined)
  }

  /** Puts a file where a sidecar would be. */
  async writeSidecar(name: string, text: string): Promise<void> {
    await mkdir(this.at('.convoy', 'volumes'), { recursive: true })
    await writeFile(this.at('.convoy', 'volumes', `${name}.json`), text)
  }

  async close(): Promise<void> {
    this.#files.close()
    await rm(this.#temporary, { recursive: true, force: true })
  }
}

const refuse = () => Promise.reject(new Error('nobody asks AWS'))

/** For drivers without EFS. */
export const withoutAws = new OwnAccessPoints({
  api: {
    mountTargets: refuse,
    createAccessPoint: refuse,
    findAccessPoint: refuse,
    accessPointsOf: refuse,
    deleteAccessPoint: refuse,
  },
  hostId: 'this-host',
  pause: refuse,
})

/** A driver on that directory, without shares. */
export function openDriver(path: string, parts: Pick<VfsPlaceDeps, 'files' | 'quota' | 'hostId' | 'now'>): VfsDriver {
  const { files, quota } = parts
  const findMissingMount = () => Promise.resolve(undefined)
  const root = new DirectoryRoot({ path, isOurs: false, files, findMissingMount, ...new FakeTime().clock })
  const defaultSizeBytes = 2 ** 30
  const main = new VfsPlace({ ...parts, root, defaultSizeBytes, where: {} })
  const openShare = () => {
    throw new Error('there is no share')
  }
  const known = new KnownShares(join(path, '..', 'shares'))
  const places = new VfsPlaces({ main, mainShare: undefined, known, openShare })
  return new VfsDriver({ places, ownAccessPoints: withoutAws, quota, defaultSizeBytes })
}

/** The text of a sidecar as another host would write it. */
export function sidecarText(more: Partial<Record<keyof Sidecar, unknown>> = {}): string {
  const sidecar: Sidecar = {
    version: 1,
    name: named('db'),
    id: '11111111-0000-4000-8000-000000000001',
    directory: named('db'),
    state: 'live',
    createdAt: '2025-12-31T00:00:00.000Z',
    options: {},
    origin: 'created',
    host: 'another-host',
    generation: 1,
  }
  // Whatever a test wants there instead: formatting does not look at it.
  return formatSidecar({ ...sidecar, ...more } as Sidecar)
}

function pathOf(source: MountSource): string {
  if (source.kind === 'directory') return source.path
  throw new Error('vfs mounts directories')
}

/** The same child process, with every single operation a step. */
export function stepwise(files: FileProcess, faults: FaultInjector): FileProcess {
  const run = async (operations: readonly FileOperation[]): Promise<readonly FileResult[]> => {
    const results: FileResult[] = []
    for (const operation of operations) {
      const [result] = await faults.step(operation.op, () => files.run([operation]))
      results.push(result ?? null)
    }
    return results
  }
  return new Proxy(files, {
    get: (target, property): unknown => (property === 'run' ? run : Reflect.get(target, property, target)),
  })
}
