import type { Test } from 'tap'
import t from 'tap'
import { ConvoyError } from '../../../src/errors.js'
import { ProjectQuota } from '../../../src/host/project-quota.js'
import { requestFor, Subject } from '../../conformance/driver-world.js'
import { FaultInjector } from '../../fakes/fault-injector.js'
import { VfsDirectory } from './vfs-directory.js'

/** A file system with project quotas, and the programs that set them unless they `fail`. */
class FakeQuota extends ProjectQuota {
  readonly limits: number[] = []
  fails = false

  override async isEnforced(): Promise<boolean> {
    return true
  }

  override async limit(_path: string, _project: number, sizeBytes: number): Promise<void> {
    if (this.fails) throw new ConvoyError('unsupported', 'the program setquota is not installed on this host')
    this.limits.push(sizeBytes)
  }
}

async function open(t: Test): Promise<{ quota: FakeQuota; subject: Subject }> {
  const quota = new FakeQuota()
  const directory = await VfsDirectory.open(quota)
  t.teardown(() => directory.close())
  return { quota, subject: new Subject(directory, () => new FaultInjector()) }
}

t.test('the size of a volume is its limit, and inspect says so', async (t) => {
  const { quota, subject } = await open(t)
  const { handle } = await subject.create(requestFor('db', { options: { size: '20m' } }))
  t.same(quota.limits, [20 * 1024 * 1024])
  t.match(await subject.driver.inspect(handle, subject.call(handle)), { SizeEnforced: 'true' })
})

t.test('a volume whose limit cannot be set is made all the same, and never said to be limited', async (t) => {
  const { quota, subject } = await open(t)
  quota.fails = true
  const { handle, sizeBytes } = await subject.create(requestFor('db', { options: { size: '20m' } }))
  t.equal(sizeBytes, 20 * 1024 * 1024)
  t.ok(subject.journals.log.has('not enforced'))
  t.match(await subject.driver.inspect(handle, subject.call(handle)), { SizeEnforced: 'false' })
  subject.restart()
  const found = (await subject.discover()).map((one) => one.handle)
  t.same(found, [handle], 'the storage says the same')
})

t.test('a create that is repeated sets the limit again', async (t) => {
  const { quota, subject } = await open(t)
  const request = requestFor('db', { options: { size: '20m' } })
  await subject.create(request)
  await subject.create(request)
  t.equal(quota.limits.length, 2)
})

t.test('another size is another limit, unless the volume holds more already', async (t) => {
  const { quota, subject } = await open(t)
  const { handle } = await subject.create(requestFor('db', { options: { size: '20m' } }))
  await subject.write(handle, 'x'.repeat(100_000))
  const resize = (sizeBytes: number) => subject.driver.resize(handle, sizeBytes, subject.call(handle))
  await resize(40 * 1024 * 1024)
  t.same(quota.limits, [20 * 1024 * 1024, 40 * 1024 * 1024])
  await t.rejects(resize(50_000), { code: 'invalid-argument', message: /holds 1\d{5} bytes already/ })
  quota.fails = true
  await t.rejects(resize(60 * 1024 * 1024), { code: 'unsupported' })
  t.match(await subject.discover(), [{ sizeBytes: 40 * 1024 * 1024 }], 'what was refused is not recorded')
})

t.test('a volume that holds a disk image keeps its size', async (t) => {
  const { subject } = await open(t)
  const { handle } = await subject.create(requestFor('vm', { options: { size: '20m', vm: 'true' } }))
  const resized = subject.driver.resize(handle, 2 ** 30, subject.call(handle))
  await t.rejects(resized, { code: 'unsupported', hint: /truncate/ })
})
