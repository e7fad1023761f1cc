import { mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { openVfsDriver } from '../../../src/drivers/vfs/open-vfs-driver.js'
import { QuietLog } from '../../fakes/quiet-log.js'
import { named } from '../../conformance/driver-world.js'
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
  t.equal(driver.mountDirectory(volume), directory.at('db'))
  const trashed = { ...volume, id: '0123456789ab', attributes: { directory: 'db', trashed: 'true' } }
  t.equal(driver.mountDirectory(trashed), directory.at('.convoy/trash/0123456789ab'))
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

t.test('a path that does not exist is refused: it may be a disk that is not mounted', async (t) => {
  await t.rejects(openAt({ path: join(directory.path, 'nowhere') }), {
    code: 'invalid-argument',
    message: /does not exist/,
    hint: /mount the disk/,
  })
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
