import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { type FileOperation, performFileOperation } from '../../src/host/file-operations.js'
import { replaceFile, setAside } from '../../src/host/replace-file.js'

const durable = () => Promise.resolve()
const failed = (code: string) => Object.assign(new Error(`${code}: what fsync says`), { code })

/** Performs operations; resolves to what was made durable, in order, with what a power cut after it would leave there. */
async function synced(base: string, operations: readonly FileOperation[]): Promise<readonly string[]> {
  const log: string[] = []
  const nameOf = (path: string) => path.slice(base.length) || '/'
  const record = (fd: number): Promise<void> => {
    const path = readlinkSync(`/proc/self/fd/${fd}`)
    const content = lstatSync(path).isDirectory() ? readdirSync(path).sort().join(' ') : readFileSync(path, 'utf8')
    log.push(`${nameOf(path)}: ${content}`)
    return durable()
  }
  for (const operation of operations) await performFileOperation(operation, record)
  return log
}

t.test('DB04: a file is made durable before it has its name, and its directory after', async (t) => {
  const path = t.testdir({ a: { file: 'old' }, b: {} })
  t.strictSame(await synced(path, [{ op: 'write', path: join(path, 'a/file'), text: 'new' }]), [
    '/a/file.partial: new',
    '/a: file',
  ])
  t.strictSame(await synced(path, [{ op: 'write', path: join(path, 'b/fresh'), text: 'new' }]), [
    '/b/fresh.partial: new',
    '/b: fresh',
  ])
})

t.test('DB04: a move is durable in both directories, the new one first, and nothing is removed for it', async (t) => {
  const path = t.testdir({ from: { data: {}, rest: '' }, to: { 'in-the-way': {} } })
  const move = (name: string) => ({ op: 'move', from: join(path, 'from/data'), to: join(path, 'to', name) }) as const
  t.strictSame(await synced(path, [move('moved')]), ['/to: in-the-way moved', '/from: rest'])
  await t.rejects(synced(path, [{ op: 'move', from: join(path, 'from/rest'), to: join(path, 'to/in-the-way') }]), {
    code: 'EEXIST',
  })
  t.strictSame(
    await synced(path, [{ op: 'move', from: join(path, 'to/moved'), to: join(path, 'to/again') }]),
    ['/to: again in-the-way'],
    'once where it is one directory',
  )
})

t.test('a write that fails leaves the old file and nothing beside it, and says which file', async (t) => {
  const path = t.testdir({ file: 'old' })
  const run = replaceFile(join(path, 'file'), { text: 'new' }, () => Promise.reject(failed('EIO')))
  await t.rejects(run, { code: 'EIO', message: /file\.partial/ })
  t.strictSame(readdirSync(path), ['file'])
  t.equal(readFileSync(join(path, 'file'), 'utf8'), 'old')
})

for (const code of ['ENOSPC', 'EDQUOT']) {
  t.test(`a write that finds no room (${code}) takes the file that was set aside, and can do so again`, async (t) => {
    const path = t.testdir({ file: 'old' })
    const spare = join(path, 'spare')
    for (const text of ['new', 'newer']) {
      setAside(spare)
      const { ino } = lstatSync(spare)
      let fails = 1
      const fsync = () => (fails-- > 0 ? Promise.reject(failed(code)) : durable())
      await replaceFile(join(path, 'file'), { text, spare }, fsync)
      t.equal(readFileSync(join(path, 'file'), 'utf8'), text)
      t.equal(lstatSync(join(path, 'file')).ino, ino, 'it is the spare one')
      t.strictSame(readdirSync(path), ['file'])
    }
  })
}

t.test('without a spare file, or for another reason, a write that fails is not tried again', async (t) => {
  const path = t.testdir({ file: 'old' })
  const spare = join(path, 'spare')
  const write = (code: string) =>
    replaceFile(join(path, 'file'), { text: 'new', spare }, () => Promise.reject(failed(code)))
  await t.rejects(write('ENOSPC'), { code: 'ENOSPC' })
  setAside(spare)
  await t.rejects(write('EIO'), { code: 'EIO' })
  t.strictSame(readdirSync(path), ['file', 'spare'])
  t.equal(readFileSync(join(path, 'file'), 'utf8'), 'old')
})

t.test('what is set aside takes space, is made once, and follows no link', async (t) => {
  const path = t.testdir({ precious: 'precious' })
  const spare = join(path, 'spare')
  symlinkSync(join(path, 'precious'), spare)
  setAside(spare)
  t.equal(readFileSync(join(path, 'precious'), 'utf8'), 'precious')
  const { ino, size, mode } = lstatSync(spare)
  t.match({ size, mode: mode & 0o777 }, { size: 4096, mode: 0o600 })
  setAside(spare)
  t.equal(lstatSync(spare).ino, ino)
  setAside(join(path, 'missing/spare'))
  t.notOk(existsSync(join(path, 'missing')), 'where there is no room it is no error')
})
