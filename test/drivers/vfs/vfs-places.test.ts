import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { KnownShares } from '../../../src/drivers/vfs/known-shares.js'
import { parseNfsShare } from '../../../src/drivers/vfs/nfs-share.js'
import { VfsDriver } from '../../../src/drivers/vfs/vfs-driver.js'
import { VfsPlace } from '../../../src/drivers/vfs/vfs-place.js'
import { VfsPlaces } from '../../../src/drivers/vfs/vfs-places.js'
import type { VfsRoot } from '../../../src/drivers/vfs/vfs-root.js'
import { ConvoyError } from '../../../src/errors.js'
import { FileProcess, type FileRunner } from '../../../src/host/file-process.js'
import { ProjectQuota } from '../../../src/host/project-quota.js'
import type { Attributes } from '../../../src/model/volume.js'
import { withoutAws } from './vfs-directory.js'
import { Journals, named, requestFor } from '../../conformance/driver-world.js'

const away = () => new ConvoyError('unavailable', 'the server does not answer')

/** A share that a test takes away: while it is, nothing may touch the directory that stands for it. */
class FakeShare implements VfsRoot {
  readonly path: string
  isAway = false
  hangs = false
  longDown: ConvoyError | undefined
  coming: Promise<void> | undefined
  leaving: Promise<void> | undefined
  isBusy = false
  isLeft = false
  wasFound = false

  constructor(
    path: string,
    readonly source: string,
  ) {
    mkdirSync(path)
    this.path = path
  }

  get isThere(): boolean {
    return this.wasFound && !this.isAway
  }

  async find(): Promise<void> {
    if (this.hangs) await new Promise<never>(() => undefined)
    await this.coming
    if (this.isAway) throw away()
    this.wasFound = true
  }

  async use<T>(act: () => Promise<T>): Promise<T> {
    await this.find()
    return act()
  }

  async leave(): Promise<void> {
    await this.leaving
    if (this.isBusy) throw new ConvoyError('in-use', 'somebody is there')
    this.isLeft = true
  }

  describe(): Attributes {
    return { Share: this.path }
  }

  close(): void {
    // It holds nothing.
  }
}

/** A driver on one share, with volumes on others. */
class Host {
  readonly directory: string
  readonly journals = new Journals()
  readonly shares = new Map<string, FakeShare>()
  readonly main: FakeShare
  /** Whether the servers let root give files away. */
  isSquashed = false
  readonly #files = new FileProcess()

  constructor(t: Test) {
    this.directory = t.testdir()
    this.main = new FakeShare(join(this.directory, 'main'), 'nas:/main')
    t.teardown(() => this.#files.close())
  }

  share(source: string): FakeShare {
    const { id } = parseNfsShare(source)
    const share = this.shares.get(id) ?? new FakeShare(join(this.directory, id), source)
    this.shares.set(id, share)
    return share
  }

  /** In a process of its own. */
  open(): VfsDriver {
    const quota = new ProjectQuota()
    const files: FileRunner = {
      run: (operations) =>
        operations[0]?.op === 'try-owner'
          ? Promise.resolve([this.isSquashed ? '65534:65534' : null])
          : this.#files.run(operations),
      close: () => undefined,
    }
    const parts = { files, quota, hostId: 'this-host', now: () => new Date(), defaultSizeBytes: 1 }
    const place = (root: VfsRoot, where: Attributes) => new VfsPlace({ ...parts, root, where })
    const places = new VfsPlaces({
      main: place(this.main, {}),
      mainShare: parseNfsShare('nas:/main'),
      known: new KnownShares(join(this.directory, 'shares')),
      openShare: (share) => place(this.share(share.source), share.where),
    })
    return new VfsDriver({ places, ownAccessPoints: withoutAws, quota, defaultSizeBytes: 1 })
  }

  async create(driver: VfsDriver, name: string, options: Attributes = {}) {
    const request = requestFor(name, { options })
    return (await driver.create(request, this.journals.call(request))).handle
  }

  async spaces(driver: VfsDriver): Promise<readonly string[]> {
    const found: string[] = []
    for await (const { storage, sizeBytes, freeBytes } of driver.spaces(this.journals.call({ id: '' }))) {
      if (sizeBytes > freeBytes && freeBytes > 0) found.push(storage)
    }
    return found
  }

  async discovered(driver: VfsDriver): Promise<readonly string[]> {
    const found: string[] = []
    const call = this.journals.call({ id: '' })
    for (const storage of driver.storages(call.log)) {
      for await (const { handle } of driver.discover(storage, call)) {
        found.push(`${handle.name} ${handle.attributes['share'] ?? 'main'}`)
      }
    }
    return found.sort()
  }
}

t.test('a volume lies on the share that it names, and a ledger that was lost finds it there', async (t) => {
  const host = new Host(t)
  const driver = host.open()
  const own = await host.create(driver, 'own', { share: 'nas:/other' })
  const main = await host.create(driver, 'main')
  const same = await host.create(driver, 'same', { share: 'nas:/main' })
  t.equal(driver.storageOf(own), 'nas:/other')
  t.same(
    [main, same].map((one) => driver.storageOf(one)),
    [undefined, undefined],
  )
  t.match(await driver.attach(own), { path: join(host.share('nas:/other').path, 'own') })
  t.match(await driver.attach(same), { path: join(host.main.path, 'same') })
  t.same(await host.discovered(host.open()), ['main main', 'own nas:/other', 'same main'])
  const trashed = await driver.retire(own, 'trashed', host.journals.call(own))
  t.same(driver.placeOf(trashed), {
    path: join(host.share('nas:/other').path, '.convoy/trash', own.id),
    source: `nas:/other/.convoy/trash/${own.id}`,
  })
  await driver.remove(trashed, host.journals.call(own))
  t.same(await host.discovered(host.open()), ['main main', 'same main'])
})

t.test(
  'where root is squashed, uid and gid are refused before anything is made, and whoever uses a volume is told',
  async (t) => {
    const host = new Host(t)
    host.isSquashed = true
    const driver = host.open()
    for (const options of [{ uid: '999' }, { gid: '0', uid: '0' }, { gid: '999' }] as const) {
      await t.rejects(host.create(driver, 'refused', options), {
        code: 'unsupported',
        message: /root_squash/,
        hint: /no_root_squash.*leave out uid and gid.*65534:65534/,
      })
    }
    t.same(readdirSync(host.main.path), ['.convoy'])
    t.same(readdirSync(join(host.main.path, '.convoy', 'volumes')), [])
    const volume = await host.create(driver, 'works')
    t.match(driver.remarks(volume), { Ownership: /squashed.*65534:65534/, CopyUp: /nocopy, -v NAME:\/path:nocopy/ })
    const existing = { id: 'works-already', uid: '999' }
    mkdirSync(join(host.main.path, existing.id))
    await host.create(driver, 'adopted', existing)
    const other = host.open()
    host.main.wasFound = false
    t.same(other.remarks(volume), {}, 'a process that has not looked does not know')
    t.same(await host.spaces(other), [], 'of a share that nobody needed yet it asks nothing')
    await other.attach(volume)
    t.same(await host.spaces(other), ['nas:/main'])
    t.match(other.remarks(volume), { Ownership: /65534/ })
    host.isSquashed = false
    if (process.getuid?.() === 0) await host.create(other, 'given', { uid: '999' })
    else await host.create(other, 'not given')
    t.same(other.remarks(volume), {}, 'the export has been mended')
  },
)

t.test('storages say how much room they have, except those that are away', async (t) => {
  const host = new Host(t)
  const driver = host.open()
  await host.create(driver, 'main')
  await host.create(driver, 'own', { share: 'nas:/other' })
  t.same(await host.spaces(driver), ['nas:/main', 'nas:/other'])
  host.main.isAway = true
  t.same(await host.spaces(driver), ['nas:/other'])
})

t.test('what is written on a share does not say on which share it is', async (t) => {
  const host = new Host(t)
  const driver = host.open()
  await host.create(driver, 'own', { share: 'nas:/other' })
  const sidecar = await readFile(join(host.share('nas:/other').path, '.convoy/volumes/own.json'), 'utf8')
  mkdirSync(join(host.main.path, '.convoy/volumes'), { recursive: true })
  const { writeFile } = await import('node:fs/promises')
  const planted = sidecar.replaceAll('nas:/other', 'evil:/x').replace('"own"', '"planted"')
  await writeFile(join(host.main.path, '.convoy/volumes/planted.json'), planted)
  t.same(await host.discovered(driver), ['own nas:/other', 'planted main'])
})

t.test('a share is mounted in one way: what says nothing follows it, and what says otherwise is refused', async (t) => {
  const host = new Host(t)
  const first = await host.create(host.open(), 'first', { share: 'nas:/other', mountoptions: 'nfsvers=4.1' })
  const driver = host.open()
  const second = await host.create(driver, 'second', { share: 'nas:/other' })
  t.same(second.attributes, { ...first.attributes, directory: 'second' })
  const refused = {
    code: 'invalid-argument',
    message: /NFS 4\.1, not with hard, NFS 3/,
    hint: /leave mountoptions out/,
  }
  await t.rejects(host.create(driver, 'third', { share: 'nas:/other', mountoptions: 'nfsvers=3' }), refused)
  await t.rejects(host.create(driver, 'third', { share: 'nas:/main', mountoptions: 'soft' }), {
    code: 'invalid-argument',
  })
  const old = await host.create(driver, 'old', { host: 'nas', exportBase: '/other' })
  t.same(old.attributes, { ...first.attributes, directory: 'old' })
  t.same(await host.discovered(host.open()), ['first nas:/other', 'old nas:/other', 'second nas:/other'])
})

t.test('one share that is away keeps only its own volumes away', async (t) => {
  const host = new Host(t)
  const driver = host.open()
  const [own, main] = [await host.create(driver, 'own', { share: 'nas:/other' }), await host.create(driver, 'main')]
  host.share('nas:/other').isAway = true
  await t.rejects(driver.attach(own), away())
  t.ok(await driver.attach(main))
  t.ok(await driver.inspect(own), 'without asking it')
  host.main.isAway = true
  host.share('nas:/other').isAway = false
  t.ok(await driver.attach(own))
  t.ok(await host.create(driver, 'new', { share: 'nas:/other' }))
})

for (const options of [{}, { share: 'nas:/other' }]) {
  const where = 'share' in options ? 'a share of its own' : 'the share of the daemon'
  t.test(`a create that ${where} has refused is undone without it; one that has begun waits for it`, async (t) => {
    const host = new Host(t)
    const driver = host.open()
    const share = 'share' in options ? host.share('nas:/other') : host.main
    share.isAway = true
    const request = requestFor('db', { options })
    const call = host.journals.call(request)
    const draft = { name: named('db'), id: request.id, attributes: {} }
    await t.rejects(driver.create(request, call), away())
    await t.rejects(driver.retire(draft, 'trashed', call), { code: 'not-found' }, 'nothing was made')
    share.isAway = false
    await driver.create(request, call)
    share.isAway = true
    await t.rejects(driver.retire(draft, 'trashed', call), away())
    share.isAway = false
    const trashed = await driver.retire(draft, 'trashed', call)
    t.notOk(existsSync(join(share.path, 'db')))
    await driver.remove(trashed, call)
    t.same(await host.discovered(driver), [])
  })
}

t.test('a share that has been down for long gets one short chance', async (t) => {
  const host = new Host(t)
  const driver = host.open()
  const volume = await host.create(driver, 'db')
  host.main.longDown = new ConvoyError('deadline-exceeded', 'not for 12 minutes')
  t.ok(await driver.attach(volume), 'which it may take')
  host.main.isAway = true
  await t.rejects(driver.attach(volume), { code: 'deadline-exceeded', message: /12 minutes/ })
  host.main.hangs = true
  await t.rejects(driver.attach(volume), { code: 'deadline-exceeded', message: /12 minutes/ }, 'and no more')
})

t.test('a share that the last volume has left is not kept, and not looked for again', async (t) => {
  const host = new Host(t)
  const driver = host.open()
  const [a, b] = [host.share('nas:/a'), host.share('nas:/b')]
  const onA = await host.create(driver, 'on-a', { share: 'nas:/a' })
  await host.create(driver, 'on-b', { share: 'nas:/b' })
  const call = host.journals.call(onA)
  const making = { name: named('new'), id: 'x', attributes: {}, options: { host: 'NAS', exportBase: '/b' } }
  await driver.leaveUnused([{ ...onA, options: {} }, making], call)
  t.same([a.isLeft, b.isLeft], [false, false], 'one has a volume, the other gets one')
  b.isBusy = true
  await driver.leaveUnused([{ ...onA, options: {} }], call)
  t.same(driver.storages(call.log), [undefined, 'nas:/a', 'nas:/b'], 'somebody is there: later')
  b.isBusy = false
  await driver.leaveUnused([{ ...onA, options: {} }], call)
  t.same([a.isLeft, b.isLeft], [false, true])
  t.same(driver.storages(call.log), [undefined, 'nas:/a'])
  t.same(host.open().storages(call.log), [undefined, 'nas:/a'])
})

t.test('a volume that is made while its share is about to be left keeps it', async (t) => {
  const host = new Host(t)
  const driver = host.open()
  const share = host.share('nas:/a')
  const call = host.journals.call(await host.create(driver, 'first', { share: 'nas:/a' }))
  let go: () => void = () => undefined
  share.leaving = new Promise((resolve) => (go = resolve))
  const leaving = driver.leaveUnused([], call)
  share.wasFound = false
  const second = host.create(driver, 'second', { share: 'nas:/a' })
  await new Promise((resolve) => setImmediate(resolve))
  t.notOk(share.wasFound, 'it waits')
  go()
  await Promise.all([leaving, second])
  t.same(driver.storages(call.log), [undefined, 'nas:/a'])

  share.isLeft = false
  let come: () => void = () => undefined
  share.coming = new Promise((resolve) => (come = resolve))
  const making = host.create(driver, 'third', { share: 'nas:/a' })
  await new Promise((resolve) => setImmediate(resolve))
  await driver.leaveUnused([], call)
  t.notOk(share.isLeft, 'nor one that has begun before')
  come()
  await making
})

t.test('the share of the daemon is one storage, however its volumes name it', async (t) => {
  const host = new Host(t)
  const driver = host.open()
  const call = host.journals.call(await host.create(driver, 'main', { share: 'nas:/main' }))
  const before = { name: named('old'), id: 'x', attributes: { directory: 'old', share: 'nas:/main' } }
  t.equal(driver.storageOf(before), undefined)
  t.same(driver.storages(call.log), [undefined])
})

t.test(
  'a share on which nothing could be begun is let go at once, unless another volume is being made there',
  async (t) => {
    const host = new Host(t)
    const driver = host.open()
    const [bad, good] = [host.share('nas:/bad'), host.share('nas:/good')]
    bad.isAway = true
    await t.rejects(host.create(driver, 'first', { share: 'nas:/bad' }), away())
    t.ok(bad.isLeft)
    t.same(driver.storages(host.journals.call({ id: '' }).log), [undefined])
    bad.isAway = false
    await host.create(driver, 'first', { share: 'nas:/bad', mountoptions: 'nfsvers=4.1' })

    let come: () => void = () => undefined
    good.coming = new Promise((resolve) => (come = resolve))
    const making = host.create(driver, 'second', { share: 'nas:/good' })
    const other = { share: 'nas:/good', mountoptions: 'soft' }
    await t.rejects(host.create(driver, 'third', other), { code: 'invalid-argument', message: /not with soft/ })
    const failing = t.rejects(host.create(driver, 'fourth', { share: 'nas:/good', id: 'no-such-directory' }))
    come()
    await Promise.all([making, failing])
    t.notOk(good.isLeft)
  },
)
