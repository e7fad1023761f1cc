import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { KnownShares } from '../../../src/drivers/vfs/known-shares.js'
import { OwnAccessPoints } from '../../../src/drivers/vfs/own-access-points.js'
import { parseShare, type Share } from '../../../src/drivers/vfs/share.js'
import { VfsDriver } from '../../../src/drivers/vfs/vfs-driver.js'
import { VfsPlace } from '../../../src/drivers/vfs/vfs-place.js'
import { VfsPlaces } from '../../../src/drivers/vfs/vfs-places.js'
import type { VfsRoot } from '../../../src/drivers/vfs/vfs-root.js'
import { ConvoyError } from '../../../src/errors.js'
import { FileProcess, type FileRunner } from '../../../src/host/file-process.js'
import { ProjectQuota } from '../../../src/host/project-quota.js'
import type { Attributes, VolumeHandle } from '../../../src/model/volume.js'
import { Journals, named, requestFor } from '../../conformance/driver-world.js'
import { FakeEfs } from '../../fakes/fake-efs.js'
import { FaultInjector, moments } from '../../fakes/fault-injector.js'
import { stepwise } from './vfs-directory.js'

const efs = 'fs-0123456789abcdef0'
const given = 'fsap-0123456789abcdef0'

const fileProcess = new FileProcess()
t.teardown(() => fileProcess.close())

/** EFS as a directory for each share, and the kernel's mounts of them. */
class Region {
  readonly directory: string
  readonly journals = new Journals()
  readonly mounted = new Set<string>()
  readonly efs: FakeEfs
  faults = new FaultInjector()

  constructor(t: Test) {
    this.directory = t.testdir({ efs: {} })
    this.efs = new FakeEfs(this.faults)
  }

  directoryOf({ source }: Pick<Share, 'source'>): string {
    return join(this.directory, 'efs', source.replace(/\W/g, '-'))
  }

  root(share: Share): VfsRoot {
    const path = this.directoryOf(share)
    const accessPoint = share.efs?.accessPoint
    const find = () =>
      this.faults.step(`mount ${share.source}`, () => {
        const isThere = accessPoint === undefined || accessPoint === given || this.efs.ids.includes(accessPoint)
        if (!isThere && !this.mounted.has(share.source)) throw new ConvoyError('unavailable', 'no such access point')
        mkdirSync(path, { recursive: true })
        this.mounted.add(share.source)
      })
    return {
      ...{ path, source: share.source, servers: share.efs?.servers, longDown: undefined, isThere: true },
      find,
      use: (act) => find().then(act),
      describe: () => ({}),
      leave: () => this.faults.step(`unmount ${share.source}`, () => void this.mounted.delete(share.source)),
      close: () => undefined,
    }
  }

  /** In a process of its own. */
  open(main: Attributes = { efs }): VfsDriver {
    const quota = new ProjectQuota()
    const stepping = stepwise(fileProcess, this.faults)
    const files: FileRunner = { run: (operations) => stepping.run(operations), close: () => undefined }
    const parts = { files, quota, hostId: 'this-host', now: () => new Date(), defaultSizeBytes: 1 }
    const mainShare = parseShare(main)
    const place = (share: Share, where: Attributes) => new VfsPlace({ ...parts, root: this.root(share), where })
    const places = new VfsPlaces({
      main: place(mainShare!, {}),
      mainShare,
      known: new KnownShares(join(this.directory, 'shares')),
      openShare: (share) => place(share, share.where),
    })
    const ownAccessPoints = new OwnAccessPoints({ api: this.efs, hostId: 'this-host', pause: () => Promise.resolve() })
    return new VfsDriver({ places, ownAccessPoints, quota, defaultSizeBytes: 1 })
  }

  /** The process is killed, and another comes. */
  restart(): VfsDriver {
    this.faults.kill()
    this.faults = new FaultInjector()
    this.efs.restart(this.faults)
    return this.open()
  }

  known(): readonly string[] {
    const path = join(this.directory, 'shares')
    return existsSync(path) ? readdirSync(path) : []
  }

  async create(driver: VfsDriver, options: Attributes, name = 'db'): Promise<VolumeHandle> {
    const request = requestFor(name, { options })
    return (await driver.create(request, this.journals.call(request))).handle
  }
}

t.test('a volume of a file system lies on it, whoever serves it', async (t) => {
  const region = new Region(t)
  const driver = region.open()
  const volume = await region.create(driver, {})
  t.same(volume.attributes, { directory: 'db' })
  const place = driver.placeOf(volume)
  t.equal(place.source, `${efs}:/db`)
  t.ok(place.servers?.test('10.0.0.4'))
  const other = await region.create(driver, { efs: 'fs-00000000', mountoptions: 'tls' }, 'other')
  t.same(other.attributes, { directory: 'other', efs: 'fs-00000000', mountoptions: 'tls' })
  t.equal(driver.storageOf(other), 'fs-00000000:/')
  t.same(
    region.faults.steps.filter((step) => /AccessPoint/.test(step)),
    [],
    'AWS is not asked',
  )
})

t.test('an access point that is given is used, and stays', async (t) => {
  const region = new Region(t)
  const driver = region.open({ efs, mountoptions: 'iam' })
  const volume = await region.create(driver, { accesspoint: given })
  t.same(volume.attributes, { directory: 'db', efs, accesspoint: given, mountoptions: 'iam' })
  const call = region.journals.call(volume)
  await driver.remove(await driver.retire(volume, 'trashed', call), call)
  t.same(
    region.faults.steps.filter((step) => /AccessPoint/.test(step)),
    [],
    'AWS is not asked',
  )
  t.notOk(existsSync(join(region.directoryOf(parseShare(volume.attributes)!), 'db')))
  t.equal(region.known().length, 1)
})

t.test('accesspoint=auto makes one with the owner that was asked for, and deletes it with the volume', async (t) => {
  const region = new Region(t)
  region.efs.slowness = 2
  const driver = region.open({ efs, mountoptions: 'iam' })
  const volume = await region.create(driver, { accesspoint: 'auto', uid: '1000', gid: '2000', mode: '0750' })
  const [made] = region.efs.made
  t.match(made?.request, {
    fileSystem: efs,
    token: volume.id,
    directory: { path: `/convoy-${volume.id}`, uid: 1000, gid: 2000, mode: '0750' },
    user: { uid: 1000, gid: 2000 },
    tags: { 'convoy:name': 'db', 'convoy:id': volume.id, 'convoy:host': 'this-host' },
  })
  t.match(volume.attributes, { efs, accesspoint: made?.id, mountoptions: 'iam' })
  const directory = region.directoryOf(parseShare(volume.attributes)!)
  t.ok(existsSync(join(directory, 'db')))
  const found: string[] = []
  const other = region.open()
  for (const storage of other.storages(region.journals.call(volume).log)) {
    for await (const { handle, options } of other.discover(storage, region.journals.call(volume))) {
      t.same(handle, volume, 'a ledger that was lost finds it')
      t.equal(options['accesspoint'], 'auto')
      found.push(handle.name)
    }
  }
  t.same(found, ['db'])
  const call = region.journals.call(volume)
  const trashed = await driver.retire(volume, 'trashed', call)
  await region.open().remove(trashed, call)
  t.same([region.efs.ids, [...region.mounted].filter((one) => one.includes('fsap')), region.known()], [[], [], []])
})

t.test('without uid and gid whoever writes stays who he is', async (t) => {
  const region = new Region(t)
  await region.create(region.open(), { accesspoint: 'auto', uid: String(process.getuid?.() ?? 0) })
  t.match(region.efs.made[0]?.request, { user: undefined, directory: { gid: 0, mode: '0755' } })
})

t.test('an access point with other volumes on it, or with the tag of another volume, is not deleted', async (t) => {
  const region = new Region(t)
  const driver = region.open()
  const first = await region.create(driver, { accesspoint: 'auto' }, 'first')
  const second = await region.create(driver, { accesspoint: first.attributes['accesspoint']! }, 'second')
  const call = (volume: VolumeHandle) => region.journals.call(volume)
  await driver.remove(await driver.retire(first, 'trashed', call(first)), call(first))
  t.equal(region.efs.ids.length, 1)
  t.ok(await driver.attach(second))
  await driver.remove(await driver.retire(second, 'trashed', call(second)), call(second))
  t.equal(region.efs.ids.length, 1, 'it was not made for that one')
})

t.test('what is wrong is refused before AWS is asked', async (t) => {
  const region = new Region(t)
  const refused = async (options: Attributes, message: RegExp, main?: Attributes) =>
    t.rejects(region.create(region.open(main), options), { code: 'invalid-argument', message })
  await refused({ accesspoint: 'auto' }, /needs a file system/, { share: 'nas:/a' })
  await refused({ accesspoint: 'auto', share: 'nas:/a' }, /needs a file system/)
  await refused({ accesspoint: 'auto', mountoptions: 'notls' }, /notls/)
  await refused({ accesspoint: 'auto', mountoptions: 'nconnect=4' }, /nconnect/)
  await refused({ efs, share: 'nas:/a' }, /exclude/)
  t.same(region.faults.steps, [])
})

t.test('NF21 an access point that never becomes available fails the create, and is deleted', async (t) => {
  const region = new Region(t)
  region.efs.slowness = Infinity
  const driver = region.open()
  const request = requestFor('db', { options: { accesspoint: 'auto' } })
  const call = region.journals.call(request)
  await t.rejects(driver.create(request, call), { code: 'unavailable', message: /it is "creating"/ })
  await t.rejects(driver.retire({ ...draft, id: request.id }, 'trashed', call), { code: 'not-found' })
  t.same(region.efs.ids, [])
})

const draft = { name: named('db'), attributes: {} }

t.test('what AWS has refused is undone without AWS', async (t) => {
  const region = new Region(t)
  const driver = region.open()
  const denied = new ConvoyError('invalid-argument', 'AccessDenied', {
    hint: 'allow elasticfilesystem:CreateAccessPoint',
  })
  for (const call of ['createAccessPoint', 'accessPointsOf', 'findAccessPoint'] as const)
    region.efs.refusals.set(call, denied)
  const request = requestFor('db', { options: { accesspoint: 'auto' } })
  const call = region.journals.call(request)
  await t.rejects(driver.create(request, call), denied)
  await t.rejects(driver.retire({ ...draft, id: request.id }, 'trashed', call), { code: 'not-found' })
})

/** What core does after a create that failed, in the same process or the next. */
async function undo(region: Region, driver: VfsDriver, id: string): Promise<void> {
  const volume = { ...draft, id }
  const call = region.journals.call(volume)
  const trashed = await driver.retire(volume, 'trashed', call).catch((thrown: unknown) => {
    if (thrown instanceof ConvoyError && thrown.code === 'not-found') return undefined
    throw thrown
  })
  if (trashed !== undefined) await driver.remove(trashed, call)
}

for (const how of ['fail', 'crash'] as const)
  for (const when of moments)
    t.test(`a create that ends with a ${how} ${when} any step is undone without a trace, or repeated`, async (t) => {
      for (let step = 0; ; step++) {
        const region = new Region(t)
        const request = requestFor('db', { options: { accesspoint: 'auto' } })
        region.faults.arm({ step, when, how })
        const { death } = region.faults
        const creating = region.open().create(request, region.journals.call(request))
        const end = await Promise.race([creating.then(() => 'made').catch(() => 'failed'), death.then(() => 'dead')])
        if (end === 'made' && region.faults.struckAt === undefined) {
          t.ok(step > 10, `${step} steps`)
          break
        }
        const where = `step ${step}, ${region.faults.struckAt}`
        const driver = region.restart()
        if (step % 2 === 1) {
          await driver.create(request, region.journals.call(request))
          t.equal(region.efs.ids.length, 1, `${where}: made once`)
        }
        await undo(region, driver, request.id)
        t.same(region.efs.ids, [], `${where}: no access point is left`)
        t.same(region.known(), [], where)
        t.same(
          [...region.mounted].filter((one) => one.includes('fsap')),
          [],
          where,
        )
      }
    })

for (const how of ['fail', 'crash'] as const)
  for (const when of moments)
    t.test(`a removal that ends with a ${how} ${when} any step is done by the next one`, async (t) => {
      for (let step = 0; ; step++) {
        const region = new Region(t)
        const first = region.open()
        const volume = await region.create(first, { accesspoint: 'auto' })
        const call = region.journals.call(volume)
        const trashed = await first.retire(volume, 'trashed', call)
        region.faults.arm({ step, when, how })
        const { death } = region.faults
        const removing = first.remove(trashed, call)
        const end = await Promise.race([removing.then(() => 'done').catch(() => 'failed'), death.then(() => 'dead')])
        const isOver = end === 'done' && region.faults.struckAt === undefined
        const where = `step ${step}, ${region.faults.struckAt}`
        if (!isOver) await region.restart().remove(trashed, call)
        t.same([region.efs.ids, region.known()], [[], []], where)
        t.same(
          [...region.mounted].filter((one) => one.includes('fsap')),
          [],
          where,
        )
        if (isOver) break
      }
    })
