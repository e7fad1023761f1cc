import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { FsType } from '../../src/host/block-devices.js'
import { type MkfsFiles, withMkfsFiles } from '../../src/host/mkfs-files.js'

const uid = process.getuid?.() ?? 0
const gid = process.getgid?.() ?? 0

function make<T>(t: Test, fsType: FsType, mode: number, use: (files: MkfsFiles) => T): Promise<T> {
  const root = { directory: '_data', uid, gid, mode } as const
  const request = { serial: 'vol1', fsType, mkfsOptions: [], root }
  return withMkfsFiles(t.testdir(), request, (files) => Promise.resolve(use(files)))
}

t.test('ext4 gets a directory with its owner and mode to copy', async (t) => {
  const before = process.umask(0o077)
  t.teardown(() => process.umask(before))
  await make(t, 'ext4', 0o3775, ({ tree = '', prototype }) => {
    t.strictSame(readdirSync(tree), ['_data'])
    t.match(statSync(join(tree, '_data')), { uid, gid, mode: 0o43775 })
    t.equal(statSync(tree).mode & 0o7777, 0o755)
    t.equal(prototype, undefined)
  })
})

t.test('xfs gets a description of the directory', async (t) => {
  const text = await make(t, 'xfs', 0o2075, ({ prototype = '' }) => readFileSync(prototype, 'utf8'))
  t.match(text, `\nd--755 0 0\n_data d-g075 ${uid} ${gid}\n$\n$\n`)
  t.match(await make(t, 'xfs', 0o6755, ({ prototype = '' }) => readFileSync(prototype, 'utf8')), '_data dug755')
})

t.test('a sticky directory on xfs is refused, with what else can be done', async (t) => {
  await t.rejects(
    make(t, 'xfs', 0o1777, () => undefined),
    { code: 'unsupported', hint: /ext4/ },
  )
})

t.test('EB35 the features of ext4 are listed, and nothing is left behind, whatever becomes of mkfs', async (t) => {
  let path = ''
  const failing = make(t, 'ext4', 0o755, ({ configuration }) => {
    path = configuration
    t.match(readFileSync(configuration, 'utf8'), /features = has_journal,extent,.*metadata_csum,64bit/)
    throw new Error('mkfs failed')
  })
  await t.rejects(failing, { message: 'mkfs failed' })
  t.equal(existsSync(join(path, '..')), false)
})
