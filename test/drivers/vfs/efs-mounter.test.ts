import t from 'tap'
import type { EfsAddress } from '../../../src/drivers/vfs/efs-addresses.js'
import { EfsMounter } from '../../../src/drivers/vfs/efs-mounter.js'
import { parseShare } from '../../../src/drivers/vfs/share.js'
import { ConvoyError } from '../../../src/errors.js'
import type { Mounter, MountRequest } from '../../../src/host/mounter.js'
import { type MountEntry, parseMountTable } from '../../../src/host/mount-table.js'
import { QuietLog } from '../../fakes/quiet-log.js'

const efs = 'fs-0123456789abcdef0'
const mountpoint = '/var/lib/convoy/shares/a'
const call = { signal: new AbortController().signal, log: new QuietLog() }

/** What the kernel shows of mounts, and what was asked for. */
class FakeHost implements Mounter {
  readonly requests: MountRequest[] = []
  table: readonly MountEntry[] = []
  refusal: ConvoyError | undefined
  address: EfsAddress = { server: '10.0.0.4', zone: 'eu-west-1a' }
  asked = 0

  show(source: string): void {
    this.table = parseMountTable(`100 1 0:50 / ${mountpoint} rw - nfs4 ${source} rw`)
  }

  async mount(request: MountRequest): Promise<void> {
    this.requests.push(request)
    if (this.refusal !== undefined) throw this.refusal
  }

  unmount = () => Promise.resolve({ lazily: false })
  abandon = () => Promise.resolve()
  mountsBelow = () => Promise.resolve(this.table)

  mounter(mountoptions = '', isInstalled = true): EfsMounter {
    const share = parseShare({ efs, mountoptions })
    return new EfsMounter({
      mounter: this,
      efs: share!.efs!,
      addresses: {
        choose: async () => {
          this.asked++
          return this.address
        },
      },
      region: () => 'eu-west-1',
      find: (program) => {
        if (!isInstalled) throw new ConvoyError('unsupported', `${program} is not installed`)
        return `/sbin/${program}`
      },
    })
  }
}

const request = { source: `${efs}:/`, fsType: 'nfs', options: ['hard', 'nfsvers=4.1'], mountpoint }

t.test('it is mounted from the mount target, which people are told', async (t) => {
  const host = new FakeHost()
  const mounter = host.mounter()
  t.same(mounter.describe(), { FileSystem: efs, TLS: 'false' })
  await mounter.mount(request, call)
  t.match(host.requests, [{ source: '10.0.0.4:/', fsType: 'nfs', options: request.options, mountpoint }])
  t.match(mounter.describe(), { MountTarget: '10.0.0.4', MountTargetZone: 'eu-west-1a' })
  host.address = { server: 'fd00::5' }
  await mounter.mount(request, call)
  t.match(host.requests[1], { source: '[fd00::5]:/' })
})

t.test('with TLS the helper mounts it, and finds it', async (t) => {
  const host = new FakeHost()
  await host.mounter('tls').mount(request, call)
  t.match(host.requests, [{ source: `${efs}:/`, fsType: 'efs', options: [...request.options, 'region=eu-west-1'] }])
  t.equal(host.asked, 0)
})

t.test('what is mounted already stays, from whichever address, and nobody is asked', async (t) => {
  const host = new FakeHost()
  host.show('10.9.9.9:/')
  await host.mounter().mount(request, call)
  t.same([host.asked, host.requests.length], [0, 0])
  host.show('127.0.0.1:/')
  await host.mounter('tls').mount(request, call)
  t.equal(host.requests.length, 0)
  await host.mounter().mount(request, call)
  t.equal(host.requests.length, 1, 'what is foreign is left to be refused')
})

t.test('without the helper TLS is refused at once, with what to install', async (t) => {
  const host = new FakeHost()
  await t.rejects(host.mounter('tls', false).mount(request, call), {
    code: 'invalid-argument',
    message: /mount\.efs/,
    hint: /amazon-efs-utils.*leave out tls/,
  })
  await host.mounter('', false).mount(request, call)
})

t.test('what EFS refuses is explained', async (t) => {
  const host = new FakeHost()
  for (const [code, message, hint] of [
    ['deadline-exceeded', 'mount did not end within 30000 ms', /security group.*2049/],
    ['unavailable', 'mount.nfs: Connection refused', /security group/],
    ['unavailable', 'mount.nfs4: access denied by server', /ClientMount.*mount with tls,iam/],
  ] as const) {
    host.refusal = new ConvoyError(code, message)
    await t.rejects(host.mounter().mount(request, call), { code: 'unavailable', message, hint })
  }
  host.refusal = new ConvoyError('internal', 'something else')
  await t.rejects(host.mounter().mount(request, call), host.refusal)
})
