import { chmodSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { RepositoryBench, typing } from './repository-bench.js'

/** A bench with a repository and a few files of each size that matters. */
async function bench(t: Test): Promise<RepositoryBench> {
  const made = new RepositoryBench(t)
  made.write('source/notes.txt', 'hello\n')
  made.write('source/sub/deep.sql', 'select 1\n')
  made.write('source/large', Buffer.alloc(300_000, 'abcdefg'))
  made.write('source/empty', '')
  symlinkSync('notes.txt', made.pathOf('source/link'))
  linkSync(made.pathOf('source/notes.txt'), made.pathOf('source/twin'))
  await made.init()
  return made
}

/** The number in its name is random. */
const urlRule = /^vfs:\/\/\/.*\/store\?backup=backup-[0-9a-f]{16}&volume=source\n$/

t.test('create prints the URL of the backup and nothing else, and says on stderr what was done', async (t) => {
  const host = await bench(t)
  const create = ['backup', 'create', '--path', host.source, '--dest', host.destination]
  const { code, out, err } = await host.convoy(...create, '--tag', 'nightly')
  t.equal(code, 0)
  t.match(out, urlRule)
  t.match(err, /4 files \(4 new, 0 changed, 0 unchanged\), 2 directories, 2 others|5 files/)
  t.match(await host.convoy(...create), { code: 0, err: /0 new, 0 changed/ })
})

t.test(
  'create makes the repository when there is a key, and stops with the two ways on when there is none',
  async (t) => {
    const host = new RepositoryBench(t)
    const create = ['backup', 'create', '--path', host.source, '--dest', host.destination]
    const stopped = await host.convoy(...create)
    t.match(stopped, { code: 1, err: /needs a key.*convoy repository key generate.*--encryption none/ })
    t.match(JSON.parse(stopped.out), { Code: 'invalid-argument' })
    t.same(readdirSync(host.pathOf('store')), [])
    await host.convoy('repository', 'key', 'generate')
    for (const path of [host.pathOf('none'), host.folder]) {
      const outcome = await host.convoy('backup', 'create', '--path', path, '--dest', host.destination, '--volume', 'x')
      t.match(outcome, { code: 1 })
      t.same(readdirSync(host.pathOf('store')), [], 'nothing was made')
    }
    t.match(await host.convoy(...create), {
      code: 0,
      out: urlRule,
      err: /made a repository at vfs:.*encrypted by the key/,
    })
  },
)

t.test('create --encryption none is said aloud each time, and refused where the repository is encrypted', async (t) => {
  const host = new RepositoryBench(t)
  const create = ['backup', 'create', '--path', host.source, '--dest', host.destination]
  t.match(await host.convoy(...create, '--encryption', 'none'), { code: 0, err: /is not encrypted/ })
  t.match(await host.convoy(...create), { code: 0, err: /is not encrypted/ })
  t.match(await host.convoy(...create, '--encryption', 'key'), {
    code: 1,
    err: /not encrypted, and --encryption says otherwise/,
  })
  const other = await bench(t)
  const outcome = await other.convoy(
    'backup',
    'create',
    '--path',
    other.source,
    '--dest',
    other.destination,
    '--encryption',
    'none',
  )
  t.match(outcome, { code: 1, err: /is encrypted, and --encryption says otherwise/ })
})

t.test('compat: list prints JSON by URL to a script, with the old keys as texts', async (t) => {
  const host = await bench(t)
  const url = await host.backUp()
  const list = JSON.parse((await host.convoy('backup', 'list', host.destination)).out) as Record<string, object>
  t.same(Object.keys(list), [url])
  t.match(list[url], {
    ...{ BackupURL: url, BackupName: /^backup-[0-9a-f]{16}$/, VolumeName: 'source', DriverName: 'vfs' },
    CreatedTime: /^[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d \d\d:\d\d:\d\d \+0000 \d{4}$/,
    VolumeSize: /^\d+$/,
    ...{ SnapshotName: '', SnapshotCreatedAt: String, VolumeCreatedAt: '' },
  })
  t.same(JSON.parse((await host.convoy('backup', 'list', host.destination, '--volume-name', 'other')).out), {})
})

t.test('list is a table on a terminal, and what --format says anywhere', async (t) => {
  const host = await bench(t)
  const url = await host.backUp('--tag', 'nightly')
  const { out } = await host.on(typing(), 'backup', 'list', host.destination)
  t.match(out, /^VOLUME +BACKUP +CREATED +SIZE +STORED +FILES +STATE +TAGS\nsource +backup-/)
  t.match(out, /complete +nightly/)
  t.match(JSON.parse((await host.on(typing(), 'backup', 'list', host.destination, '--json')).out), { [url]: {} })
  t.equal((await host.convoy('backup', 'list', host.destination, '-q')).out, `${url}\n`)
  t.equal((await host.convoy('backup', 'list', host.destination, '--format', '{{.Tags}}')).out, 'nightly\n')
})

t.test('inspect shows a backup, whatever became of the & in its URL', async (t) => {
  const host = await bench(t)
  const url = await host.backUp()
  for (const typed of [url, url.replace('&', '\\u0026'), url.replace('&', 'u0026')]) {
    const { code, out } = await host.convoy('backup', 'inspect', typed)
    t.equal(code, 0, typed)
    t.match(JSON.parse(out), {
      BackupURL: url,
      Record: { path: host.source, isComplete: true, tree: /^[0-9a-f]{64}$/ },
    })
  }
})

t.test('a URL of another driver, of no backup, or of one that is not there is refused', async (t) => {
  const host = await bench(t)
  for (const [url, message] of [
    ['ebs://us-west-2/snap-0123', /of another driver/],
    [host.destination, /not the URL of a backup/],
    [`${host.destination}?backup=backup-0123456789abcdef&volume=db`, /no backup backup-0123456789abcdef/],
    [`${host.destination}?backup=../x&volume=db`, /not the name of a backup/],
  ] as const)
    for (const command of [['inspect'], ['delete', '-y'], ['ls'], ['extract', '--to', host.pathOf('out')]]) {
      const { code, err } = await host.convoy('backup', ...command, url)
      t.equal(code, 1, `${command.join(' ')} ${url}`)
      t.match(err, message)
    }
  t.notOk(existsSync(host.pathOf('out')))
})

t.test('compat: delete takes a script at its word, and asks somebody at a terminal', async (t) => {
  const host = await bench(t)
  const urls = [await host.backUp(), await host.backUp()] as const
  t.match(await host.convoy('backup', 'delete', urls[0], '--dry-run'), { code: 0, out: '', err: /would be removed/ })
  t.match(await host.convoy('backup', 'delete', urls[0]), { code: 0, out: '' })
  const screen = typing('n', 'y')
  t.match(await host.on(screen, 'backup', 'delete', urls[1]), { code: 1, err: /nothing was removed/ })
  t.match(screen.questions, [/Remove the backup backup-[0-9a-f]{16} of source \(.*made .* ago\) for ever\? \[y\/N\]/])
  t.same(Object.keys(JSON.parse((await host.convoy('backup', 'list', host.destination)).out) as object), [urls[1]])
  t.match(await host.on(screen, 'backup', 'delete', urls[1]), { code: 0 })
  t.match(await host.convoy('backup', 'delete', urls[1]), { code: 1, err: /there is no backup/ })
})

t.test('ls, find and cat look into a backup', async (t) => {
  const host = await bench(t)
  const url = await host.backUp()
  const paths = async (...argv: readonly string[]) => {
    const { code, out } = await host.convoy('backup', ...argv, '--format', '{{.Path}}')
    t.equal(code, 0, argv.join(' '))
    return out.split('\n').filter(Boolean)
  }
  t.same(await paths('ls', url), ['empty', 'large', 'link', 'notes.txt', 'sub', 'twin'])
  t.same(await paths('ls', url, '/sub/'), ['sub/deep.sql'])
  t.same(await paths('ls', url, '-R'), ['empty', 'large', 'link', 'notes.txt', 'sub', 'sub/deep.sql', 'twin'])
  t.same(await paths('find', url, '*.sql'), ['sub/deep.sql'])
  t.same(await paths('find', url, '*', '--type', 'd'), ['sub'])
  const { out } = await host.convoy('backup', 'ls', url)
  t.match(out, /-rw------- +\d+:\d+ +6 B +\d{4}-\d\d-\d\d \d\d:\d\d +notes\.txt\n/)
  t.match(out, /link -> notes\.txt\n/)
  const bytes: Buffer[] = []
  const screen = { outBytes: async (piece: Uint8Array) => void bytes.push(Buffer.from(piece)) }
  t.match(await host.on(screen, 'backup', 'cat', url, 'large'), { code: 0, out: '', err: '' })
  t.ok(Buffer.concat(bytes).equals(readFileSync(host.pathOf('source/large'))))
  for (const path of ['nothing', 'sub'])
    t.match(await host.on(screen, 'backup', 'cat', url, path), { code: 1, out: '', err: new RegExp(path) })
})

t.test('a path that ls shows can be pasted into find, cat, ls and extract', async (t) => {
  const host = await bench(t)
  host.write('source/sub/a\\b\n\u202e.sql', 'odd')
  const url = await host.backUp()
  const { out } = await host.convoy('backup', 'ls', url, 'sub', '--format', '{{.Path}}')
  const shown = out.split('\n').find((path) => path.includes('\\n')) ?? ''
  t.equal(shown, 'sub/a\\\\b\\n\\xe2\\x80\\xae.sql')
  for (const command of ['ls', 'find'])
    t.match(await host.convoy('backup', command, url, shown, '-q'), { code: 0, out: `${shown}\n` }, command)
  const bytes: Buffer[] = []
  const screen = { outBytes: async (piece: Uint8Array) => void bytes.push(Buffer.from(piece)) }
  t.match(await host.on(screen, 'backup', 'cat', url, shown), { code: 0 })
  t.equal(String(Buffer.concat(bytes)), 'odd')
  const target = host.pathOf('pasted')
  t.match(await host.convoy('backup', 'extract', url, shown, '--to', target), { code: 0 })
  t.equal(readdirSync(join(target, 'sub')).length, 1)
})

t.test('diff says what has changed between two backups', async (t) => {
  const host = await bench(t)
  const before = await host.backUp()
  host.write('source/notes.txt', 'goodbye\n')
  host.write('source/new', 'x')
  rmSync(host.pathOf('source/empty'))
  chmodSync(host.pathOf('source/large'), 0o644)
  const after = await host.backUp()
  const { code, out } = await host.convoy('backup', 'diff', before, after, '--format', '{{.Change}} {{.Path}}')
  t.equal(code, 0)
  const lines = out.split('\n')
  for (const line of ['removed empty', 'metadata large', 'added new', 'content notes.txt'])
    t.ok(lines.includes(line), line)
  t.notOk(lines.includes('content sub/deep.sql'))
  const elsewhere = after.replace('/store?', '/other?')
  t.match(await host.convoy('backup', 'diff', before, elsewhere), {
    code: 1,
    err: /only backups of the same repository/,
  })
})

t.test('extract brings all of it back, or some of it, into a place that is new', async (t) => {
  const host = await bench(t)
  const url = await host.backUp()
  const target = host.pathOf('restored')
  const { code, out, err } = await host.convoy('backup', 'extract', url, '--to', target)
  t.equal(code, 0)
  t.equal(out, `${target}\n`)
  t.match(err, /all of them verified/)
  t.same(readdirSync(target).sort(), readdirSync(host.source).sort())
  t.ok(readFileSync(join(target, 'large')).equals(readFileSync(host.pathOf('source/large'))))
  t.match(await host.convoy('backup', 'extract', url, '--to', target), { code: 1, out: '', err: target })
  const some = host.pathOf('some')
  t.match(await host.convoy('backup', 'extract', url, 'sub', '--to', some), { code: 0 })
  t.same(readdirSync(some), ['sub'])
})

t.test('create with --json prints JSON lines, the result as the last one', async (t) => {
  const host = await bench(t)
  const { code, out } = await host.convoy(
    'backup',
    'create',
    '--path',
    host.source,
    '--dest',
    host.destination,
    '--json',
  )
  t.equal(code, 0)
  const lines = out
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  t.match(lines.at(-1), {
    result: { BackupURL: urlRule.source.includes('vfs') ? String : '', Record: { volume: 'source' } },
  })
  t.ok(lines.slice(0, -1).every((line) => 'progress' in line))
  const failed = await host.convoy(
    'backup',
    'create',
    '--path',
    host.pathOf('none'),
    '--dest',
    host.destination,
    '--json',
  )
  t.match(JSON.parse(failed.out.trimEnd().split('\n').at(-1) ?? ''), { Error: String, Code: String })
  const refused = await host.convoy('backup', 'create', '--path', host.source, '--dest', 'nowhere', '--json')
  t.equal(refused.out.trimEnd().split('\n').length, 1, 'a line')
  t.match(JSON.parse(refused.out), { Error: /nowhere/, Code: 'invalid-argument' })
})

t.test('what cannot be backed up is refused with its name', async (t) => {
  const host = await bench(t)
  const file = host.write('file', 'x')
  mkdirSync(host.pathOf('a b'))
  for (const [argv, message] of [
    [['--path', host.pathOf('none'), '--dest', host.destination], /none/],
    [['--path', file, '--dest', host.destination], /file/],
    [['--path', host.folder, '--dest', host.destination, '--volume', 'all'], /contains itself/],
    [['--path', host.source, '--dest', `vfs://${host.source}/new`], /contains itself/],
    [['--path', host.source, '--dest', `vfs://${host.source}/not/yet/new`], /contains itself/],
    [['--path', host.pathOf('a b'), '--dest', host.destination], /--volume/],
    [['--path', host.source, '--dest', host.destination, '--volume', '../x'], /\.\.\/x/],
    [['--path', host.source, '--dest', host.destination, '--limit-upload', '0'], /limit-upload/],
    [['--path', host.source, '--dest', host.destination, '--limit-memory', 'much'], /--limit-memory/],
    [
      ['--path', host.source, '--dest', host.destination, '--parent', 'backup-0000000000000000'],
      /backup-0000000000000000/,
    ],
    [['--path', host.source], /--dest/],
    [['--dest', host.destination], /--path/],
  ] as const) {
    const { code, err } = await host.convoy('backup', 'create', ...argv)
    t.equal(code, 1, argv.join(' '))
    t.match(err, message)
  }
  t.same(JSON.parse((await host.convoy('backup', 'list', host.destination)).out), {}, 'nothing half-visible')
  t.notOk(existsSync(host.pathOf('source/new')) || existsSync(host.pathOf('source/not')))
})
