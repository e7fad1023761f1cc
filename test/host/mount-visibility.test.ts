import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { findMountsHidden } from '../../src/host/mount-visibility.js'
import { FakeKernel } from '../fakes/fake-kernel.js'
import { FakeMounter } from '../fakes/fake-mounter.js'
import { FaultInjector } from '../fakes/fault-injector.js'
import { QuietLog } from '../fakes/quiet-log.js'

const directory = '/root/mounts/.self-test'
const call = { signal: new AbortController().signal, log: new QuietLog() }

function hostWith(hostSees: boolean) {
  const kernel = new FakeKernel()
  kernel.attachDevice('convoy-self-test')
  const faults = new FaultInjector()
  const mounter = new FakeMounter(kernel, faults)
  const readHostTable = async () => (hostSees ? kernel.hostMounts : [])
  return { kernel, faults, deps: { mounter, directory, readHostTable, isHostNamespace: () => false } }
}

t.test('DK20 a mount that the host sees is what is wanted, and is taken away again', async (t) => {
  const { kernel, deps } = hostWith(true)
  t.equal(await findMountsHidden(deps, call), undefined)
  t.strictSame(
    kernel.hostMounts.map(({ mountpoint }) => mountpoint).filter((path) => path === directory),
    [],
  )
})

t.test('DK20 a mount that the host does not see is an error that names what hides it', async (t) => {
  const { kernel, deps } = hostWith(false)
  t.match(await findMountsHidden(deps, call), { code: 'unavailable', message: /mount namespace/, hint: /PrivateTmp/ })
  t.notOk(kernel.hostMounts.some(({ mountpoint }) => mountpoint === directory))
})

t.test('in the namespace of the host nothing has to be mounted', async (t) => {
  const { faults, deps } = hostWith(false)
  t.equal(await findMountsHidden({ ...deps, isHostNamespace: () => true }, call), undefined)
  t.strictSame(faults.steps, [])
})

t.test('what cannot be mounted, or read, is no answer', async (t) => {
  const { kernel, faults, deps } = hostWith(true)
  const failing = async () => {
    throw new ConvoyError('internal', 'no table')
  }
  await t.rejects(findMountsHidden({ ...deps, readHostTable: failing }, call), { message: 'no table' })
  t.notOk(kernel.hostMounts.some(({ mountpoint }) => mountpoint === directory))
  faults.arm({ step: 0, when: 'before', how: 'fail' })
  await t.rejects(findMountsHidden(deps, call))
})
