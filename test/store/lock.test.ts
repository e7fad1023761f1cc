import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lockRoot } from '../../src/store/sqlite-file.js'

const source = new URL('../../src/store/sqlite-file.js', import.meta.url).href

/** Another process that holds the root until it is killed. */
async function holdInChild(root: string): Promise<ChildProcess> {
  const program = `
    const { lockRoot } = await import(${JSON.stringify(source)})
    const lock = lockRoot(${JSON.stringify(root)})
    process.stdout.write('held')
    setInterval(() => lock.open, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  await once(child.stdout, 'data')
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL')
  await once(child, 'exit')
}

t.test('DB09: a second daemon on a root is refused and told the pid of the first', async (t) => {
  const root = join(t.testdir(), 'root')
  const child = await holdInChild(root)
  t.teardown(() => child.kill('SIGKILL'))
  t.throws(() => lockRoot(root), {
    code: 'in-use',
    message: `another convoy daemon uses ${root}`,
    hint: new RegExp(`${root}/convoy\\.pid`),
  })
  t.equal(readFileSync(join(root, 'convoy.pid'), 'utf8'), `${child.pid}\n`)
  t.equal(child.exitCode, null, 'the first one goes on')
})

t.test('DB09: the lock of a daemon that was killed is free at once', async (t) => {
  const root = join(t.testdir(), 'root')
  await kill(await holdInChild(root))
  t.ok(existsSync(join(root, 'convoy.pid')), 'its pid file is left behind')
  const lock = lockRoot(root)
  t.equal(readFileSync(join(root, 'convoy.pid'), 'utf8'), `${process.pid}\n`)
  lock.close()
})

t.test('a lock that was given back can be taken again', async (t) => {
  const root = t.testdir()
  for (let turn = 0; turn < 3; turn++) lockRoot(root).close()
  t.pass()
})

t.test('a lock file that was removed by hand does not hand the root to two daemons that start after', async (t) => {
  const root = t.testdir()
  rmSync(join(root, 'convoy.lock'), { force: true })
  const lock = lockRoot(root)
  t.throws(() => lockRoot(root), { code: 'in-use' })
  lock.close()
})

t.test('a root that cannot be written is not taken for another daemon', async (t) => {
  const root = t.testdir({ 'convoy.pid': {} })
  t.throws(() => lockRoot(root), { code: 'unavailable' })
  const other = t.testdir({ 'convoy.lock': {} })
  t.throws(() => lockRoot(other), { code: 'unavailable' })
  const garbage = t.testdir({ 'convoy.lock': 'not a database, but long enough to be looked at as one '.repeat(100) })
  t.throws(() => lockRoot(garbage), { code: 'unavailable' })
})

t.test('a root that is a file is refused', async (t) => {
  const root = join(t.testdir({ root: 'a file' }), 'root')
  t.throws(() => lockRoot(root), { code: 'unavailable' })
  mkdirSync(`${root}s`)
})
