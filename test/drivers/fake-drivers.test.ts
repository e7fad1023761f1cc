import t from 'tap'
import type { Driver } from '../../src/drivers/driver.js'
import { driverConformance } from '../conformance/driver.js'
import type { DriverStorage } from '../conformance/driver-world.js'
import { FakeClock } from '../fakes/fake-clock.js'
import { FakeDirectoryDriver, placeAt } from '../fakes/fake-directory-driver.js'
import type { FakeDriverDeps } from '../fakes/fake-driver.js'
import { FakeFilesystemDriver } from '../fakes/fake-filesystem-driver.js'
import { FakeKernel } from '../fakes/fake-kernel.js'
import { FakeStorage } from '../fakes/fake-storage.js'
import type { FaultInjector } from '../fakes/fault-injector.js'

type Open = (deps: FakeDriverDeps) => Driver

function storageOf(open: Open, hasSnapshots: boolean): () => Promise<DriverStorage> {
  return async () => {
    const storage = new FakeStorage()
    const kernel = new FakeKernel()
    const { now } = new FakeClock()
    const placeOf = (source: string) => placeAt(source) ?? source.slice('/dev/fake/'.length)
    return {
      open: (faults: FaultInjector) => open({ storage, kernel, faults, now, hasSnapshots }),
      read: async (source) => storage.piece(placeOf(source.kind === 'directory' ? source.path : source.source)).text,
      write: async (source, text) => {
        storage.piece(placeOf(source.kind === 'directory' ? source.path : source.source)).text = text
      },
      plant: async (text) => {
        storage.plant('planted', text)
        return { id: 'planted' }
      },
      readPlanted: async () => storage.pieces.get('planted')?.text,
      close: async () => void t.same(kernel.violations, []),
    }
  }
}

for (const hasSnapshots of [false, true]) {
  const kind = hasSnapshots ? 'with snapshots' : 'without snapshots'
  driverConformance(
    t,
    `fake directories ${kind}`,
    storageOf((deps) => new FakeDirectoryDriver(deps), hasSnapshots),
  )
  driverConformance(
    t,
    `fake disks ${kind}`,
    storageOf((deps) => new FakeFilesystemDriver(deps), hasSnapshots),
  )
}
