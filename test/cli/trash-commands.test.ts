import t, { type Test } from 'tap'
import type { Terminal } from '../../src/cli/terminal.js'
import { runInProcess } from '../fakes/command-line.js'
import { FakeControlServer } from '../fakes/control-server.js'

const entry = (id: string, name: string, more: object = {}) => ({
  ...{ id, name, driver: 'vfs', state: 'trashed', createdAt: '2026-11-01T00:00:00Z' },
  ...{ trashedAt: '2026-11-20T10:00:00Z', expiresAt: '2026-11-21T10:00:00Z' },
  ...more,
})

interface Entry {
  readonly id: string
}

/** Removes what it is told to, unless it is `held`. */
async function bench(t: Test, entries: readonly Entry[], held: readonly string[] = []) {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  let left = entries
  const deleted: string[] = []
  server.override = ({ method, url }, response) => {
    if (!url.startsWith('/v1/trash')) return false
    const id = url.split('/')[3]
    if (method === 'DELETE' && id !== undefined) {
      deleted.push(id)
      if (!held.includes(id)) left = left.filter((one) => one.id !== id)
    }
    response.end(JSON.stringify(left))
    return true
  }
  const on = (screen: Omit<Terminal, 'out' | 'err'>, ...argv: readonly string[]) =>
    runInProcess(['-s', server.socketPath, ...argv], {}, screen)
  return { deleted, on, convoy: (...argv: readonly string[]) => on({}, ...argv) }
}

const two = [entry('aaaaaaaa-1', 'db', { sizeBytes: 1024 ** 3 }), entry('bbbbbbbb-2', 'cache')]
const questions: string[] = []
const saying = (answer: string | undefined): Omit<Terminal, 'out' | 'err'> => ({
  ask: async (question) => {
    questions.push(question)
    return answer
  },
})

t.test('trash ls shows what was deleted, and when it goes', async (t) => {
  const { convoy } = await bench(t, two)
  const out = `NAME   ID          DRIVER  STATE    SIZE   DELETED      EXPIRES
db     aaaaaaaa-1  vfs     trashed  1 GiB  2 hours ago  in 22 hours
cache  bbbbbbbb-2  vfs     trashed         2 hours ago  in 22 hours
`
  t.match(await convoy('trash', 'ls'), { code: 0, out })
  t.match(await convoy('trash'), { code: 0, out })
  t.equal((await convoy('trash', 'ls', '-q')).out, 'aaaaaaaa-1\nbbbbbbbb-2\n')
  t.equal((await convoy('trash', 'ls', '--format', '{{.Name}} {{.Size}}')).out, 'db 1 GiB\ncache \n')
  const [line = ''] = (await convoy('trash', 'ls', '--format', 'json')).out.split('\n')
  t.match(JSON.parse(line), { Name: 'db', SizeBytes: 1024 ** 3, ExpiresAt: '2026-11-21T10:00:00Z' })
})

t.test('trash empty without a terminal needs --yes', async (t) => {
  const { convoy, deleted } = await bench(t, two)
  t.match(await convoy('trash', 'empty'), { code: 1, out: '', err: /no terminal to ask at.*--yes/ })
  t.same(deleted, [])
  t.match(await convoy('trash', 'empty', '--yes'), { code: 0, out: 'db\ncache\n' })
  t.same(deleted, ['aaaaaaaa-1', 'bbbbbbbb-2'])
})

for (const answer of ['y', 'yes', 'Y'])
  t.test(`trash empty asks on a terminal, and goes on after ${answer}`, async (t) => {
    const { on, deleted } = await bench(t, two)
    questions.length = 0
    t.match(await on(saying(answer), 'trash', 'empty'), { code: 0, out: 'db\ncache\n' })
    t.match(questions, [/2 deleted volumes \(1 GiB and 1 of unknown size\) for ever: db, cache\? \[y\/N\]/])
    t.equal(deleted.length, 2)
  })

for (const answer of ['', 'n', 'no', 'yess', 'x'])
  t.test(`trash empty removes nothing after ${JSON.stringify(answer)}`, async (t) => {
    const { on, deleted } = await bench(t, two)
    t.match(await on(saying(answer), 'trash', 'empty'), { code: 1, out: '', err: /nothing was removed/ })
    t.same(deleted, [])
  })

t.test('trash empty --dry-run shows what would go, and asks nothing', async (t) => {
  const { convoy, deleted } = await bench(t, two)
  const { code, out, err } = await convoy('trash', 'empty', '--dry-run', 'db')
  t.equal(code, 0)
  t.match(out, /^db .*1 GiB/m)
  t.notMatch(out, /^cache/m)
  t.match(err, /1 deleted volume \(1 GiB\) would be removed/)
  t.same(deleted, [])
})

t.test('trash empty takes names, ids and beginnings of ids', async (t) => {
  const same = [...two, entry('cccccccc-3', 'db')]
  for (const [word, ids] of [
    ['db', ['aaaaaaaa-1', 'cccccccc-3']],
    ['bbbbbbbb-2', ['bbbbbbbb-2']],
    ['bbbbbb', ['bbbbbbbb-2']],
  ] as const) {
    const { convoy, deleted } = await bench(t, same)
    t.match(await convoy('trash', 'empty', '-y', word), { code: 0 }, word)
    t.same(deleted, ids)
  }
})

t.test('one name that is not in the trash, and nothing is removed', async (t) => {
  for (const word of ['nope', 'bbb', 'aaaaaa']) {
    const { convoy, deleted } = await bench(t, [...two, entry('aaaaaaaa-9', 'x')])
    t.match(await convoy('trash', 'empty', '-y', 'db', word), { code: 1, out: '', err: /nothing was removed/ }, word)
    t.same(deleted, [])
  }
})

t.test('what is being removed already is not removed again', async (t) => {
  const { convoy, deleted } = await bench(t, [entry('aaaaaaaa-1', 'db', { state: 'deleting' })])
  t.match(await convoy('trash', 'empty', '-y'), { code: 0, out: '', err: /the trash is empty/ })
  t.same(deleted, [])
})

t.test('data that stays because somebody has it mounted is a failure that says so', async (t) => {
  const { convoy } = await bench(t, two, ['aaaaaaaa-1'])
  t.match(await convoy('trash', 'empty', '-y'), { code: 1, out: 'cache\n', err: /data of "db" is still mounted/ })
})

t.test('what comes into the trash while the question waits stays there', async (t) => {
  const entries = [...two]
  const { on, deleted } = await bench(t, entries)
  const ask = async () => {
    entries.push(entry('dddddddd-4', 'later'))
    return 'y'
  }
  await on({ ask }, 'trash', 'empty')
  t.same(deleted, ['aaaaaaaa-1', 'bbbbbbbb-2'])
})
