import { fsyncSync, lstatSync, readdirSync, readlinkSync } from 'node:fs'
import t from 'tap'
import { type FileOperation, performFileOperation } from '../../../src/host/file-operations.js'
import { FileProcess } from '../../../src/host/file-process.js'
import { ProjectQuota } from '../../../src/host/project-quota.js'
import { named, requestFor, Subject } from '../../conformance/driver-world.js'
import { FaultInjector } from '../../fakes/fault-injector.js'
import { openDriver, VfsDirectory } from './vfs-directory.js'

/** Works in this process and notes which directories are made durable, and what is in them then. */
class SyncedFiles {
  readonly log: (readonly [path: string, entries: string])[] = []

  async run(operations: readonly FileOperation[]) {
    const results = []
    for (const operation of operations) results.push(await performFileOperation(operation, (fd) => this.#sync(fd)))
    return results
  }

  /** What a power cut would leave in a directory, if it was ever made durable. */
  durable(path: string): string | undefined {
    return this.log.findLast(([synced]) => synced === path)?.[1]
  }

  #sync(fd: number): Promise<void> {
    fsyncSync(fd)
    const path = readlinkSync(`/proc/self/fd/${fd}`)
    if (lstatSync(path).isDirectory()) this.log.push([path, entriesOf(path)])
    return Promise.resolve()
  }
}

const entriesOf = (path: string) => readdirSync(path).sort().join(' ')

t.test(
  'DB04: what a volume was, is or will be survives a power cut after every call, and its sidecar comes first',
  async (t) => {
    const directory = await VfsDirectory.open()
    t.teardown(() => directory.close())
    const files = new SyncedFiles()
    const child = Object.assign(new FileProcess(), { run: files.run.bind(files) })
    const open = () =>
      openDriver(directory.path, {
        files: child,
        quota: new ProjectQuota(),
        hostId: 'this-host',
        now: directory.clock.now,
      })
    const subject = new Subject(
      Object.assign(Object.create(directory) as VfsDirectory, { open }),
      () => new FaultInjector(),
    )
    const [live, trash] = [directory.at('.convoy', 'volumes'), directory.at('.convoy', 'trash')]
    const check = (what: string) => {
      for (const path of [directory.path, live, trash])
        t.equal(files.durable(path), entriesOf(path), `${what}: ${path}`)
    }
    const first = (path: string, entries: string) =>
      files.log.findIndex((one) => one[0] === path && one[1].split(' ').includes(entries))

    await subject.create(requestFor('other'))
    await subject.retire(await subject.make('gone'), 'trashed')
    check('the directories are there')
    t.match(files.durable(directory.at('.convoy')), /trash volumes/)
    const { handle } = await subject.create(requestFor('db'))
    check('create')
    t.ok(first(live, 'db.json') < first(directory.path, 'db'), 'what has no sidecar is not ours')
    await subject.retire(handle, 'forgotten')
    check('forget')
    await subject.revive(handle, named('db'))
    check('take back')
    const trashed = await subject.retire(handle, 'trashed')
    check('trash')
    t.ok(first(trash, `${handle.id}.json`) < first(trash, handle.id))
    await subject.remove(await subject.retire(await subject.revive(trashed, named('again')), 'trashed'))
    check('take back, trash and remove')
  },
)
