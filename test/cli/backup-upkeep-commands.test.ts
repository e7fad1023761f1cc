import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { RepositoryBench, typing } from './repository-bench.js'

/** A bench with a repository and a directory whose data are all different. */
async function bench(t: Test): Promise<RepositoryBench> {
  const made = new RepositoryBench(t)
  made.write('source/one', Buffer.alloc(400_000, 'one'))
  made.write('source/two', 'two\n')
  await made.init()
  return made
}

const packsOf = (host: RepositoryBench, kind: string) => {
  const folder = host.pathOf(`store/convoy2/${kind}`)
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => /[0-9a-f]{64}$/.test(name))
    .map((name) => join(folder, name))
}

/** One bit becomes another: of a pack one of its first chunk. */
function damage(path: string): void {
  const bytes = readFileSync(path)
  const at = 60
  bytes[at] = (bytes[at] ?? 0) ^ 1
  writeFileSync(path, bytes)
}

const urlsIn = async (host: RepositoryBench) =>
  Object.keys(JSON.parse((await host.convoy('backup', 'list', host.destination)).out) as object)

t.test('verify says that all is well, and how much was read', async (t) => {
  const host = await bench(t)
  await host.backUp()
  const { code, out } = await host.convoy('backup', 'verify', host.destination)
  t.equal(code, 0)
  t.match(out, /^looked at 1 backup and [23] packs, and read 0 of them \(0 B\)\nall is well\n$/)
  for (const part of ['--read-data', '--read-data=100%', '--read-data=1/1'])
    t.match(await host.convoy('backup', 'verify', host.destination, part), { code: 0, out: /read [23] of them/ }, part)
  const { out: json } = await host.convoy('backup', 'verify', host.destination, '--json')
  t.match(JSON.parse(json.trimEnd().split('\n').at(-1) ?? ''), { result: { isHealthy: true, backups: 1 } })
})

t.test('verify refuses a part of the data that is none', async (t) => {
  const host = await bench(t)
  for (const part of ['0%', '101%', '2/1', '0/3', 'some', '1/99999'])
    t.match(await host.convoy('backup', 'verify', host.destination, `--read-data=${part}`), { code: 1, out: '' }, part)
})

t.test('verify names what is damaged down to the file, and repair mends what a new backup can mend', async (t) => {
  const host = await bench(t)
  const url = await host.backUp()
  const [pack = ''] = packsOf(host, 'data')
  damage(pack)
  const { code, out } = await host.convoy('backup', 'verify', host.destination, '--read-data')
  t.equal(code, 1)
  t.match(out, /damaged: data\/[0-9a-f]{2}\/[0-9a-f]{64}: /)
  t.match(out, /backup backup-[0-9a-f]{16} of source cannot be restored whole:\n {2}(?:one|two): /)
  t.match(out, /back the same data up again/)
  const target = host.pathOf('target')
  t.match(await host.convoy('backup', 'extract', url, '--to', target), { code: 1, out: '' })
  t.notOk(existsSync(target))
  const healthy = await host.convoy('backup', 'extract', url, '--to', target, '--keep-healthy')
  t.match(healthy, { code: 3, err: /complete but for the above: 1 problem in/ })
  t.equal(readdirSync(target).length, 1, 'one of the two files')
  await host.backUp()
  t.match(await host.convoy('repository', 'repair', host.destination, '--yes'), { code: 0, out: /save of data/ })
  t.match(await host.convoy('backup', 'verify', host.destination), { code: 1, out: /no backup misses anything.*prune/ })
  t.match(await host.convoy('backup', 'prune', host.destination), { code: 0 })
  t.match(await host.convoy('backup', 'verify', host.destination, '--read-data'), { code: 0, out: /all is well/ })
  const whole = host.pathOf('whole')
  t.match(await host.convoy('backup', 'extract', url, '--to', whole), { code: 0 }, 'the old backup is whole again')
})

t.test('what repair cannot mend it names, and the exit code is 1', async (t) => {
  const host = await bench(t)
  await host.backUp()
  for (const pack of packsOf(host, 'data')) damage(pack)
  await host.convoy('backup', 'verify', host.destination, '--read-data')
  const { code, out } = await host.convoy('repository', 'repair', host.destination, '--yes')
  t.equal(code, 1)
  t.match(out, /save of data\/.*; 1 are lost/)
  t.match(out, /\nbackup backup-[0-9a-f]{16} of source cannot be restored whole:\n {2}(?:one|two): /)
})

t.test('repair shows what it would do, asks, and makes a lost index anew', async (t) => {
  const host = await bench(t)
  const url = await host.backUp()
  t.match(await host.convoy('repository', 'repair', host.destination), {
    code: 0,
    out: /nothing is there to be mended/,
  })
  rmSync(host.pathOf('store/convoy2/index'), { recursive: true })
  const dry = await host.convoy('repository', 'repair', host.destination, '--dry-run')
  t.match(dry, { out: /list again: data\// })
  t.match(await host.convoy('repository', 'repair', host.destination), { code: 1, err: /no terminal to ask at/ })
  t.match(await host.on(typing('n'), 'repository', 'repair', host.destination), { code: 1, err: /nothing was changed/ })
  t.notOk(existsSync(host.pathOf('store/convoy2/index')))
  t.match(await host.on(typing('y'), 'repository', 'repair', host.destination), { code: 0 })
  t.match(await host.convoy('backup', 'extract', url, '--to', host.pathOf('target')), { code: 0 })
})

t.test(
  'a record that cannot be read hides no other backup, keeps prune from removing anything, and can be set aside',
  async (t) => {
    const host = await bench(t)
    const bad = await host.backUp()
    const good = await host.backUp()
    const [, name = ''] = /backup=(backup-[0-9a-f]+)/.exec(bad) ?? []
    damage(host.pathOf(`store/convoy2/backups/source/${name}`))
    const list = await host.convoy('backup', 'list', host.destination)
    t.equal(list.code, 1)
    t.same(Object.keys(JSON.parse(list.out) as object), [good])
    t.match(list.err, name)
    const prune = await host.convoy('backup', 'prune', host.destination, '--keep-last', '1', '--yes')
    t.match(prune, { code: 1, out: '', err: /nothing was removed.*--set-aside/ })
    t.match(await host.convoy('repository', 'repair', host.destination, '--set-aside', '--yes'), { out: /set aside: / })
    t.match(await host.convoy('backup', 'list', host.destination), { code: 0 })
    t.match(await host.convoy('backup', 'prune', host.destination), { code: 0 })
  },
)

t.test('prune removes by the rule, after it was agreed to, and what nothing needs any more', async (t) => {
  const host = await bench(t)
  const first = await host.backUp()
  rmSync(host.pathOf('source/one'))
  const second = await host.backUp()
  const prune = ['backup', 'prune', host.destination, '--keep-last', '1']
  const dry = await host.convoy(...prune, '--dry-run')
  t.equal(dry.code, 0)
  t.match(dry.out, /KEPT FOR\n/)
  t.match(dry.out, /\(would be removed\)/)
  t.match(dry.out, /last 1/)
  t.match(dry.err, /convoy: [1-9]\d* packs? \(.*\) would be removed/)
  t.match(await host.convoy(...prune), { code: 1, out: '', err: /no terminal to ask at.*--yes/ })
  const screen = typing('n', 'y')
  t.match(await host.on(screen, ...prune), { code: 1, out: '', err: /nothing was removed/ })
  t.match(screen.questions, [/Remove 1 backup for ever: source\/backup-[0-9a-f]{16}\? \[y\/N\]/])
  t.same((await urlsIn(host)).sort(), [first, second].sort())
  const done = await host.on(screen, ...prune)
  t.match(done, { code: 0, out: `${first}\n`, err: /convoy: [1-9]\d* packs? \(.*\) were removed/ })
  t.same(await urlsIn(host), [second])
  t.match(await host.convoy('backup', 'verify', host.destination, '--read-data'), { code: 0 })
})

t.test('prune without a rule removes no backup and asks nothing; the last complete one is always kept', async (t) => {
  const host = await bench(t)
  const url = await host.backUp()
  t.match(await host.convoy('backup', 'prune', host.destination), { code: 0, out: '' })
  t.match(await host.convoy('backup', 'prune', host.destination, '--keep-tag', 'none', '--yes'), { code: 0, out: '' })
  t.same(await urlsIn(host), [url])
  const json = await host.convoy('backup', 'prune', host.destination, '--keep-daily', '7', '--json')
  const result = JSON.parse(json.out.trimEnd().split('\n').at(-1) ?? '') as object
  t.match(result, { result: { removed: [], kept: [{ url, reasons: [String] }], data: { backups: 1 } } })
})

t.test('a rule that makes no sense is refused by its flag', async (t) => {
  const host = await bench(t)
  for (const [flag, value] of [
    ['--keep-last', '0'],
    ['--keep-daily', 'seven'],
    ['--keep-within', '30'],
    ['--time-zone', 'Nowhere/Land'],
    ['--max-repack', 'much'],
  ] as const) {
    const { code, err } = await host.convoy('backup', 'prune', host.destination, '--keep-last', '3', flag, value)
    t.equal(code, 1, flag)
    t.match(err, /--keep|--max-repack|Nowhere/)
  }
})

t.test('copy brings a backup into another repository, which has a key of its own', async (t) => {
  const host = await bench(t)
  const url = await host.backUp()
  const other = `vfs://${host.pathOf('other')}`
  const key = host.pathOf('other.key')
  host.write('other/lost+found/x', '')
  await host.convoy('repository', 'key', 'generate', '--key-file', key)
  await host.convoy('repository', 'init', other, '--key-file', key)
  const copy = ['backup', 'copy', url, other, '--to-key-file', key]
  t.match(await host.convoy('backup', 'copy', url, other), { code: 1, err: /opens with this key file/ })
  const { code, out, err } = await host.convoy(...copy)
  t.equal(code, 0)
  t.equal(out, url.replace('/store?', '/other?') + '\n')
  t.match(err, /were new there/)
  t.match(await host.convoy(...copy), { code: 0, out, err: /was there already/ })
  const target = host.pathOf('target')
  t.match(await host.convoy('backup', 'extract', out.trimEnd(), '--to', target, '--key-file', key), { code: 0 })
  t.ok(readFileSync(join(target, 'one')).equals(readFileSync(host.pathOf('source/one'))))
})

t.test('stats of a repository and of a backup are for people, or JSON', async (t) => {
  const host = await bench(t)
  const url = await host.backUp()
  await host.backUp()
  const { code, out } = await host.convoy('repository', 'stats', host.destination)
  t.equal(code, 0)
  t.match(out, /^VOLUME +BACKUPS +NEWEST +SIZE\nsource +2 +/)
  t.match(out, /\ndifferent +\d.*, [12]\.\d : 1\n/)
  t.match(JSON.parse((await host.convoy('repository', 'stats', host.destination, '--json')).out), { backups: 2 })
  t.match(await host.convoy('backup', 'stats', url), { code: 0, out: /^2 files \(2 new,/ })
  t.match(JSON.parse((await host.convoy('backup', 'stats', url, '--json')).out), { files: 2, problems: 0 })
})

t.test('unlock shows who is at work, and removes what the dead have left', async (t) => {
  const host = await bench(t)
  t.match(await host.convoy('repository', 'unlock', host.destination), { code: 0, err: /0 removed/ })
  // Not sealed by us: somebody's all the same.
  host.write('store/convoy2/leases/write-0123456789abcdef', 'x')
  const unlock = ['repository', 'unlock', host.destination]
  t.match(await host.convoy(...unlock, '--format', '{{.State}}'), { code: 0, out: 'at work\n', err: /0 removed/ })
  t.match(await host.convoy(...unlock, '--all'), { code: 1, err: /no terminal to ask at/ })
  t.match(await host.convoy(...unlock, '--all', '--dry-run'), { code: 0, err: /1 of 1 would be removed/ })
  t.match(await host.on(typing('n'), ...unlock, '--all'), { code: 1, err: /nothing was removed/ })
  t.match(await host.convoy(...unlock, '--all', '--yes'), { code: 0, err: /1 removed/ })
  t.equal((await host.convoy(...unlock, '--format', '{{.State}}')).out, '')
})
