import t, { type Test } from 'tap'
import { parseNfsShare } from '../../../src/drivers/vfs/nfs-share.js'
import { ShareRoot } from '../../../src/drivers/vfs/share-root.js'
import { ConvoyError } from '../../../src/errors.js'
import type { Mounter, MountRequest } from '../../../src/host/mounter.js'
import { minuteMs } from '../../fakes/fake-clock.js'
import { FakeKernel } from '../../fakes/fake-kernel.js'
import { FakeMounter } from '../../fakes/fake-mounter.js'
import { FaultInjector } from '../../fakes/fault-injector.js'
import { QuietLog } from '../../fakes/quiet-log.js'
import { FakeTime } from './fake-time.js'

const mountpoint = '/var/lib/convoy/shares/a'

/** A server that offers these versions. */
class FakeServer {
  readonly kernel = new FakeKernel()
  readonly asked: string[] = []
  refusal: ConvoyError | undefined
  /** Until then a mount is under way. */
  mounting: Promise<void> | undefined
  /** What looking at the share ends with, one after the other; then with success. */
  readonly looks: ConvoyError[] = []
  replacements = 0
  addresses: readonly string[] = []
  readonly time = new FakeTime()
  /** Whether the kernel can be told of another address. */
  canBeLed = false
  isBusy = false
  address = '10.0.0.5'
  readonly mounter: Mounter

  constructor(versions: readonly string[]) {
    const mounter = new FakeMounter(this.kernel, new FaultInjector())
    this.kernel.attachDevice('nas:/exports')
    this.mounter = {
      mount: async (request: MountRequest) => {
        const version = request.options.at(-1)?.replace('nfsvers=', '') ?? ''
        this.asked.push(version)
        await this.mounting
        if (this.refusal !== undefined) throw this.refusal
        if (!versions.includes(version)) throw new ConvoyError('unsupported', 'Protocol not supported')
        await mounter.mount(request)
      },
      unmount: (path) => mounter.unmount(path),
      abandon: (path) => {
        this.replacements++
        return mounter.abandon(path)
      },
      mountsBelow: async (path) =>
        (await mounter.mountsBelow(path)).map((entry) => ({ ...entry, superOptions: ['rw', `addr=${this.address}`] })),
    }
  }

  root(source = 'nas:/exports', options = ''): ShareRoot {
    return new ShareRoot({
      share: parseNfsShare(source, options),
      mountpoint,
      mounter: this.mounter,
      files: { run: () => this.look(), close: () => undefined },
      resolveHost: () => Promise.resolve(this.addresses),
      redirect: async (from, to) => {
        if (this.isBusy) throw new ConvoyError('deadline-exceeded', 'tee did not end')
        if (!this.canBeLed || from !== this.address) return 0
        this.address = to
        return 1
      },
      log: new QuietLog(),
      ...this.time.clock,
    })
  }

  /** The timer is up. */
  readonly look = (): Promise<readonly []> => {
    const [thrown] = this.looks.splice(0, 1)
    return thrown === undefined ? Promise.resolve([]) : Promise.reject(thrown)
  }
}

const silence = () => new ConvoyError('unavailable', 'the storage does not answer')
const refusedWith = (code: string) =>
  new ConvoyError('unavailable', code, { cause: Object.assign(new Error(code), { code }) })

const isMounted = (t: Test, { kernel }: FakeServer) => t.equal(kernel.findMounted(mountpoint)?.source, 'nas:/exports')

t.test('the versions are tried in their order, until one is taken', async (t) => {
  const server = new FakeServer(['4', '3'])
  await server.root().find()
  t.same(server.asked, ['4.2', '4.1', '4'])
  isMounted(t, server)
})

t.test('a version that was chosen is the only one, and what the server says is said', async (t) => {
  const server = new FakeServer(['3'])
  const refusal = { code: 'unavailable', message: /nas:\/exports.*NFS 4\.1: Protocol not supported/ }
  await t.rejects(server.root('nas:/exports', 'nfsvers=4.1').find(), refusal)
  t.same(server.asked, ['4.1'])
})

t.test('another refusal than that of a version ends the attempts: the server would say it again', async (t) => {
  const server = new FakeServer(['4.2'])
  server.refusal = new ConvoyError('unavailable', 'mount.nfs: Connection timed out')
  await t.rejects(server.root().find(), { code: 'unavailable', message: /timed out/ })
  t.same(server.asked, ['4.2'])
})

t.test('a server that does not answer in time may answer the next time', async (t) => {
  const server = new FakeServer(['4.2'])
  server.refusal = new ConvoyError('deadline-exceeded', 'mount did not end within 30000 ms')
  await t.rejects(server.root().find(), { code: 'unavailable', message: /did not end/, hint: /network to nas/ })
  t.same(server.asked, ['4.2'])
})

t.test('an export that the server does not have is explained', async (t) => {
  const server = new FakeServer(['4.2'])
  server.refusal = new ConvoyError('unavailable', 'mounting nas:/exports/a failed: No such file or directory')
  await t.rejects(server.root('nas:/exports/a').find(), {
    code: 'unavailable',
    hint: /showmount -e nas".*nas:\/exports\/a is nas:\/a/,
  })
})

t.test('NF11 NFS 3 without its lock service is explained', async (t) => {
  const server = new FakeServer(['3'])
  server.refusal = new ConvoyError(
    'unavailable',
    'mount.nfs: rpc.statd is not running but is required for remote locking.',
  )
  await t.rejects(server.root().find(), { code: 'unavailable', message: /statd/, hint: /NFS 4.*nolock/ })
})

t.test('all who need it at once share one mount, and it is mounted again when it is gone', async (t) => {
  const server = new FakeServer(['4.2'])
  const root = server.root()
  await Promise.all([root.find(), root.find(), root.find()])
  t.same(server.asked, ['4.2'])
  server.kernel.unmount(mountpoint)
  await root.find()
  isMounted(t, server)
})

t.test(
  'NF08 a mount that leads nowhere is replaced, once for all who find out, and what was asked is asked again',
  async (t) => {
    const server = new FakeServer(['4.2'])
    const root = server.root()
    await root.find()
    server.looks.push(refusedWith('ESTALE'), refusedWith('ESTALE'))
    const before = server.kernel.findMounted(mountpoint)?.mountId
    t.same(await Promise.all([root.use(server.look), root.use(server.look)]), [[], []])
    t.not(server.kernel.findMounted(mountpoint)?.mountId, before)
    t.equal(server.replacements, 1)
    server.looks.push(refusedWith('ESTALE'), refusedWith('ESTALE'))
    await t.rejects(root.use(server.look), { message: 'ESTALE' }, 'what is stale still is not tried for ever')
  },
)

t.test('who finds out late that a mount led nowhere does not replace the one that has replaced it', async (t) => {
  const server = new FakeServer(['4.2'])
  const root = server.root()
  let findOut: () => void = () => undefined
  const found = new Promise<void>((resolve) => (findOut = resolve))
  const late = root.use(() => found.then(server.look))
  server.looks.push(refusedWith('ESTALE'))
  await root.use(server.look)
  server.looks.push(refusedWith('ESTALE'))
  findOut()
  t.same(await late, [])
  t.equal(server.replacements, 1)
})

t.test('a share that was left is not mounted again by who has not heard of it', async (t) => {
  const server = new FakeServer(['4.2'])
  const root = server.root()
  let mounted: () => void = () => undefined
  server.mounting = new Promise((resolve) => (mounted = resolve))
  const finding = root.find()
  const leaving = root.leave({ signal: new AbortController().signal, log: new QuietLog() })
  await new Promise((resolve) => setImmediate(resolve))
  mounted()
  await Promise.all([finding, leaving])
  t.equal(server.kernel.findMounted(mountpoint), undefined, 'also when it was being mounted')
  await t.rejects(root.use(server.look), { code: 'unavailable', message: /no volume is on it/ })
  t.notOk(root.isThere)
  t.same(server.asked, ['4.2'])
})

t.test('a share that is down is looked at until it answers', async (t) => {
  const server = new FakeServer(['4.2'])
  const root = server.root()
  server.looks.push(silence(), silence())
  await t.rejects(root.use(server.look), { code: 'unavailable' })
  t.equal(server.time.timer?.ms, 5000)
  await server.time.pass()
  t.equal(server.time.timer?.ms, 5000, 'and again')
  await server.time.pass()
  t.equal(server.time.timer?.ms, minuteMs, 'it has answered')
})

t.test(
  'a share that answers is looked at now and then, so that who waits for a server that moved is noticed',
  async (t) => {
    const server = new FakeServer(['4.2'])
    const root = server.root()
    await root.use(server.look)
    server.addresses = ['10.0.0.6']
    server.canBeLed = true
    await server.time.pass()
    t.equal(server.address, '10.0.0.5', 'whoever answers is not left')
    server.looks.push(silence())
    await server.time.pass()
    t.equal(server.time.timer?.ms, 5000)
    await server.time.pass()
    t.equal(server.address, '10.0.0.6')
    t.equal(server.time.timer?.ms, minuteMs)
    server.kernel.unmount(mountpoint)
    await server.time.pass()
    t.equal(server.kernel.findMounted(mountpoint), undefined, 'what somebody unmounted stays so until it is needed')
    t.equal(server.time.timer, undefined)
  },
)

t.test(
  'it is long down when it has not answered for 10 minutes, and neither the host nor the share came up since',
  async (t) => {
    const server = new FakeServer(['4.2'])
    const root = server.root()
    server.looks.push(silence())
    await t.rejects(root.use(server.look))
    server.time.ms = 10 * minuteMs
    t.equal(root.longDown, undefined)
    server.time.ms = 12.5 * minuteMs
    t.match(root.longDown, { code: 'deadline-exceeded', message: /nas:\/exports has not answered for 12 minutes/ })
    server.time.upMs = 9 * minuteMs
    t.equal(root.longDown, undefined, 'the server may be starting, too')
    server.time.upMs = 60 * minuteMs
    server.looks.push(refusedWith('EACCES'))
    t.match(root.describe(), { Share: 'nas:/exports', ShareSilentFor: '750s' })
    await t.rejects(root.use(server.look), { message: 'EACCES', hint: /root_squash/ })
    t.equal(root.longDown, undefined, 'to refuse is to answer')
    t.notMatch(root.describe(), { ShareSilentFor: /./ })
    root.close()
  },
)

t.test(
  'NF12 a server that is silent and has another address by now is followed; a name that cannot be resolved is not',
  async (t) => {
    const server = new FakeServer(['4.2'])
    const root = server.root()
    for (const [addresses, replacements] of [
      [[], 0],
      [['10.0.0.5', 'fd00::5'], 0],
      [['10.0.0.6'], 1],
    ] as const) {
      server.addresses = addresses
      server.looks.push(silence())
      await t.rejects(root.use(server.look))
      await server.time.pass()
      t.equal(server.replacements, replacements, addresses.join())
      isMounted(t, server)
      t.equal(server.time.timer?.ms, minuteMs)
    }
  },
)

t.test('NF12 where the kernel can be told of the other address, the mount stays', async (t) => {
  const server = new FakeServer(['4.2'])
  const root = server.root()
  await root.find()
  server.canBeLed = true
  for (const [addresses, address, replacements] of [
    [['fd00::5', '10.0.0.6'], '10.0.0.6', 0],
    [['10.0.0.7', '10.0.0.8'], '10.0.0.7', 0],
    [['10.0.0.9'], '10.0.0.7', 0],
    [['fd00::5'], '10.0.0.7', 1],
  ] as const) {
    server.isBusy = addresses[0] === '10.0.0.9'
    server.addresses = addresses
    server.looks.push(silence())
    await t.rejects(root.use(server.look))
    await server.time.pass()
    t.equal(server.address, address)
    t.equal(server.replacements, replacements, addresses.join())
    isMounted(t, server)
  }
})
