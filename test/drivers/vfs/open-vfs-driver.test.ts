import { existsSync, statfsSync } from 'node:fs'
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { StorageSpace } from '../../../src/drivers/driver.js'
import { openVfsDriver } from '../../../src/drivers/vfs/open-vfs-driver.js'
import { QuietLog } from '../../fakes/quiet-log.js'
import { Journals, named, requestFor } from '../../conformance/driver-world.js'
import { fileProcesses } from '../../host/child-processes.js'
import { VfsDirectory } from './vfs-directory.js'

const directory = await VfsDirectory.open()
t.teardown(() => directory.close())

const openAt = (options: Record<string, string>) =>
  openVfsDriver({
    options,
    root: directory.at('root'),
    hostId: 'this-host',
    now: () => new Date(),
    log: new QuietLog(),
  })

t.test('it opens the directory that it is given, without the links on the way', async (t) => {
  await symlink(directory.path, `${directory.path}-link`)
  const driver = await openAt({ path: `${directory.path}-link`, defaultvolumesize: '5g' })
  t.match(driver.describe(), { Path: directory.path, DefaultVolumeSize: String(5 * 2 ** 30) })
  const volume = { name: named('db'), id: '', attributes: { directory: 'db' } }
  t.same(driver.placeOf(volume), { path: directory.at('db') })
  const trashed = { ...volume, id: '0123456789ab', attributes: { directory: 'db', trashed: 'true' } }
  t.same(driver.placeOf(trashed), { path: directory.at('.convoy/trash/0123456789ab') })
  await driver.close()
})

t.test('without a path it makes one below the directory of the daemon', async (t) => {
  await mkdir(directory.at('root'))
  for (const options of [{}, { path: directory.at('root/volumes') }]) {
    const driver = await openAt(options)
    t.match(driver.describe(), { Path: directory.at('root/volumes') })
    await driver.close()
    await rm(directory.at('root/volumes'), { recursive: true })
  }
})

t.test(
  'a path that is not there yet may be a disk that comes late: nothing is made, and it is found when it has come',
  async (t) => {
    const path = directory.at('late')
    await symlink(path, directory.at('link-to-late'))
    const driver = await openAt({ path: directory.at('link-to-late') })
    t.teardown(() => driver.close())
    const journals = new Journals()
    const request = requestFor('db')
    const away = { code: 'unavailable', message: /is not there/, hint: /mount the disk/ }
    const discover = async () => {
      const found: string[] = []
      for await (const { handle } of driver.discover(undefined, journals.call(request))) found.push(handle.name)
      return found
    }
    const known = { name: named('db'), id: request.id, attributes: { directory: 'db' } }
    await t.rejects(discover(), away, 'it is not said to be empty')
    await t.rejects(driver.attach(known), away)
    await t.rejects(driver.create(request, journals.call(request)), away)
    const nothing = { code: 'not-found' }
    const draft = { ...known, attributes: {} }
    await t.rejects(driver.retire(draft, 'trashed', journals.call(request)), nothing, 'nothing was made')
    t.notOk(existsSync(path))
    await mkdir(path)
    t.same(await discover(), [])
    await driver.create(request, journals.call(request))
    t.same(await discover(), ['db'])
  },
)

for (const first of ['attach', 'create', 'discover'] as const) {
  t.test(`a path that comes late is known without its links from the first ${first} on`, async (t) => {
    const [path, link] = [directory.at(`for-${first}`), directory.at(`link-for-${first}`)]
    await symlink(path, link)
    const driver = await openAt({ path: link })
    t.teardown(() => driver.close())
    await mkdir(join(path, 'db'), { recursive: true })
    const volume = { name: named('db'), id: requestFor('db').id, attributes: { directory: 'db' } }
    const call = new Journals().call(volume)
    if (first === 'attach') t.same(await driver.attach(volume), { kind: 'directory', path: join(path, 'db') })
    if (first === 'create') await driver.create(requestFor('db'), call)
    if (first === 'discover') for await (const found of driver.discover(undefined, call)) t.fail(found.handle.name)
    t.same(driver.placeOf(volume), { path: join(path, 'db') })
  })
}

t.test('how full a disk is is known without a child that works on files', async (t) => {
  const driver = await openAt({ path: directory.path })
  t.teardown(() => driver.close())
  const found: StorageSpace[] = []
  for await (const space of driver.spaces(new Journals().call({ id: '' }))) found.push(space)
  const { blocks, bsize, files } = statfsSync(directory.path)
  t.match(found, [{ storage: directory.path, sizeBytes: blocks * bsize, inodes: files }])
  t.same(fileProcesses(), [])
})

t.test('a path that is not a directory is refused', async (t) => {
  await writeFile(directory.at('file'), '')
  await t.rejects(openAt({ path: directory.at('file') }), { code: 'invalid-argument', message: /not a directory/ })
})

t.test('options that are unknown or malformed are refused by name', async (t) => {
  await t.rejects(openAt({ paht: '/x' }), { code: 'invalid-argument', message: /"paht"/, hint: /path/ })
  await t.rejects(openAt({ path: 'relative' }), { code: 'invalid-argument', message: /path/ })
  await t.rejects(openAt({ path: directory.path, defaultvolumesize: 'big' }), { code: 'invalid-argument' })
})
