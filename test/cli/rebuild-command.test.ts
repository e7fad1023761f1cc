import t from 'tap'
import { runInProcess } from '../fakes/command-line.js'
import { FakeControlServer } from '../fakes/control-server.js'

const difference = (kind: string, name: string) => ({ kind, name, id: `id-${name}`, driver: 'vfs' })

t.test('rebuild shows how storage and database differ, and says what is to be done about it', async (t) => {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  const convoy = (...argv: readonly string[]) => runInProcess(['-s', server.socketPath, 'rebuild', ...argv])
  const answer = (isNewDatabase: boolean, ...differences: readonly object[]) =>
    server.answers.set('POST /v1/rebuild', { volumes: 12, differences, isNewDatabase })

  answer(false)
  t.match(await convoy(), {
    code: 0,
    out: '',
    err: 'convoy: the storage holds 12 volumes\nconvoy: the database agrees with it\n',
  })
  answer(false, difference('unknown', 'a'), difference('unknown', 'b'), difference('missing', 'c'))
  t.match(await convoy(), {
    code: 0,
    out: /^NAME +DIFFERENCE +DRIVER +ID\na +unknown +vfs +id-a\nb +unknown/,
    err: /2 unknown: the database knows of it now\nconvoy: 1 missing: .*delete --reference/,
  })
  t.strictSame(server.requests.at(-1)?.body, { dryRun: false })
  t.match(await convoy('-n', '--format', '{{.Difference}} {{.Name}}'), {
    out: 'unknown a\nunknown b\nmissing c\n',
    err: /without --dry-run the database learns of it/,
  })
  t.strictSame(server.requests.at(-1)?.body, { dryRun: true })
  answer(true, difference('missing', 'c'), difference('conflicting', 'd'), difference('retired', 'e'))
  t.match(await convoy('--dry-run'), { err: /without --dry-run it is set aside.*\n.*e.*\n/ })
  t.match(await convoy(), {
    err: /was set aside, and a new one made\nconvoy: 1 retired: .*no longer listed\nconvoy: 1 missing: in the old database only.*\nconvoy: 1 conflicting: .*rename/,
  })
  const lines = (await convoy('--format', 'json')).out.trimEnd().split('\n')
  t.strictSame(JSON.parse(lines[0] ?? ''), { Name: 'c', Difference: 'missing', Driver: 'vfs', ID: 'id-c' })
})

t.test('a format that cannot be printed is refused before anything is rebuilt', async (t) => {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  t.match(await runInProcess(['-s', server.socketPath, 'rebuild', '--format', 'x']), { code: 1, err: /unknown format/ })
  t.strictSame(server.requests, [])
})
