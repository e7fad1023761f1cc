import t from 'tap'
import { printProblems } from '../../src/cli/backup-problems.js'
import { Session } from '../../src/cli/session.js'
import { silentEnvironment } from '../fakes/command-line.js'

function print(count: number, listed: number) {
  let err = ''
  const terminal = { out: () => undefined, err: (text: string) => (err += text) }
  const session = new Session({ ...silentEnvironment, terminal })
  const problems = Array.from({ length: listed }, (_, at) => ({ path: `dir/file${at}`, message: 'gone\u001b[2J' }))
  printProblems({ problems, problemCount: count }, 'in the backup', session)
  return { err, code: session.exitCode }
}

t.test('without problems nothing is said, and the exit code is 0', async (t) => {
  t.same(print(0, 0), { err: '', code: 0 })
})

t.test('a problem is a line that no terminal obeys, and the exit code is 3', async (t) => {
  const err = 'convoy: dir/file0: gone?[2J\nconvoy: complete but for the above: 1 problem in the backup\n'
  t.same(print(1, 1), { err, code: 3 })
})

t.test('of many only some are shown, and all are counted', async (t) => {
  const { err, code } = print(5000, 1000)
  t.equal(code, 3)
  t.equal(err.split('\n').length, 53)
  t.match(err, 'convoy: and 4950 more\n')
  t.match(err, '5000 problems')
})
