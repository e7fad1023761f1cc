import { existsSync, mkdirSync } from 'node:fs'
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
import { FileProcess } from '../../../src/host/file-process.js'
import { ProjectQuota } from '../../../src/host/project-quota.js'
import type { Attributes } from '../../../src/model/volume.js'
import { withoutAws } from './vfs-directory.js'
import { Journals, named, requestFor } from '../../conformance/driver-world.js'

const away = () => new ConvoyError('unavailable', 'the server does not answer')

/** A share that a test takes away: while it is, nothing may touch the directory that stands for it. */
class FakeShare implements VfsRoot {
  readonly path: string
  isAway = false
  longDown: ConvoyError | undefined

  constructor(
    path: string,
    readonly source: string,
  ) {
    mkdirSync(path)
    this.path = path
  }

  async find(): Promise<void> {
    if (this.isAway) throw away()
  }

  async use<T>(act: () => Promise<T>): Promise<T> {
    await this.find()
    return act()
  }

  describe(): Attributes {
    return { Share: this.path }
  }

  leave(): Promise<void> {
    return Promise.resolve()
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
    const parts = { files: this.#files, quota, hostId: 'this-host', now: () => new Date(), defaultSizeBytes: 1 }
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

  async discovered(driver: VfsDriver): Promise<readonly string[]> {
    const found: string[] = []
    for await (const { handle } of driver.discover(this.journals.call({ id: '' }))) {
      found.push(`${handle.name} ${handle.attributes['share'] ?? 'main'}`)
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
})
