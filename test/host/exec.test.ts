import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { findProgram, lastLine, runChecked, runProgram, type ProgramOptions } from '../../src/host/exec.js'

const options: ProgramOptions = { timeoutMs: 10_000 }
const shell = (script: string, more: Partial<ProgramOptions> = {}) =>
  runProgram('sh', ['-c', script], { ...options, ...more })

async function failureOf(promise: Promise<unknown>): Promise<ConvoyError> {
  try {
    await promise
  } catch (thrown) {
    if (thrown instanceof ConvoyError) return thrown
    throw thrown
  }
  throw new Error('nothing was thrown')
}

async function waitFor(isTrue: () => boolean): Promise<boolean> {
  for (let attempts = 0; attempts < 200; attempts += 1) {
    if (isTrue()) return true
    await sleep(25)
  }
  return false
}

/** False for a zombie too: somebody else has to reap what lost its parent. */
function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

t.test('a program that fails has a result, not an error', async (t) => {
  const result = await shell('echo out; echo problem >&2; exit 7')
  t.strictSame(result, { exitCode: 7, stdout: 'out\n', stderr: 'problem\n' })
})

t.test('runChecked throws with the last line of stderr and the code that the caller chose', async (t) => {
  const script = ['-c', 'echo one >&2; echo two >&2; exit 3']
  t.match(await failureOf(runChecked('sh', script, options)), { code: 'internal', message: 'sh failed: two' })
  t.match(await failureOf(runChecked('sh', script, options, 'unavailable')), { code: 'unavailable' })
  t.match(await failureOf(runChecked('sh', ['-c', 'exit 3'], options)), { message: 'sh failed: exit code 3' })
  t.equal((await runChecked('true', [], options)).exitCode, 0)
})

t.test('arguments reach the program as they are: no shell looks at them', async (t) => {
  const args = ['$(id)', '`id`', 'a b', "it's", '*', '', '-x', 'line\nbreak', 'ü']
  const { stdout } = await runProgram('printf', ['%s\\0', ...args], options)
  t.strictSame(stdout.split('\0').slice(0, -1), args)
})

t.test('a program sees a fixed environment and what the call adds', async (t) => {
  process.env['CONVOY_TEST_SECRET'] = 'x'
  t.teardown(() => delete process.env['CONVOY_TEST_SECRET'])
  const { stdout } = await runProgram('env', ['-0'], { ...options, env: { FOO: 'bar', LC_ALL: 'de_DE', PATH: '/tmp' } })
  // tap adds its own to every process of a test.
  const names = stdout.split('\0').filter((line) => line !== '' && !/^(?:NODE_OPTIONS|_TAPJS_\w*)=/.test(line))
  t.strictSame(names.sort(), ['FOO=bar', 'LC_ALL=C', 'PATH=/usr/sbin:/usr/bin:/sbin:/bin'])
})

t.test('programs are found in the system directories only, whatever PATH says', async (t) => {
  const path = process.env['PATH']
  process.env['PATH'] = '/nonexistent'
  t.teardown(() => (process.env['PATH'] = path))
  t.match(findProgram('sh'), /^\/(?:usr\/)?bin\/sh$/)
  t.equal(findProgram('/bin/sh'), '/bin/sh')
  t.throws(() => findProgram('../bin/sh'), { code: 'unsupported' })
  t.throws(() => findProgram('bin/sh'), { code: 'unsupported' })
  t.throws(() => findProgram(relative(process.cwd(), '/bin/sh')), { code: 'unsupported' }, 'from here')
})

t.test('a program that is missing is unsupported, and the hint names the Debian package', async (t) => {
  const missing = await failureOf(runProgram('mount.efs', [], options))
  t.match(missing, { code: 'unsupported', hint: /apt-get install amazon-efs-utils/ })
  const unknown = await failureOf(runProgram('no-such-program', [], options))
  t.match(unknown, { code: 'unsupported', message: /no-such-program/ })
  t.equal(unknown.hint, undefined)
})

t.test('standard input is empty, or what the call gives', async (t) => {
  t.equal((await runProgram('cat', [], options)).stdout, '')
  t.equal((await runProgram('cat', [], { ...options, input: 'secret' })).stdout, 'secret')
  const large = Buffer.alloc(1024 * 1024, 'x')
  t.equal((await runProgram('wc', ['-c'], { ...options, input: large })).stdout.trim(), String(large.length))
  t.equal((await runProgram('true', [], { ...options, input: large })).exitCode, 0, 'input that nobody reads')
})

t.test('output is bounded: the beginning of stdout, the end of stderr', async (t) => {
  const { stdout, stderr } = await shell('seq 1 100000; seq 1 100000 >&2')
  t.equal(stdout.length, 65536)
  t.ok(stdout.startsWith('1\n2\n'))
  t.equal(stderr.length, 65536)
  t.ok(stderr.endsWith('\n100000\n'))
})

t.test('what a signal of somebody else ends has the exit code that a shell would give', async (t) => {
  t.equal((await shell('kill -TERM $$')).exitCode, 143)
})

t.test('at the deadline the program goes, with all that it started', async (t) => {
  const file = join(t.testdir(), 'pids')
  const startedAt = performance.now()
  const failure = await failureOf(shell(`sleep 60 & echo $! $$ > ${file}; wait`, { timeoutMs: 300 }))
  t.match(failure, { code: 'deadline-exceeded', message: 'sh did not end within 300 ms' })
  t.ok(performance.now() - startedAt < 5000)
  const pids = readFileSync(file, 'utf8').trim().split(' ').map(Number)
  t.equal(pids.length, 2)
  for (const pid of pids) t.ok(await waitFor(() => !isRunning(pid)), `process ${pid} is gone`)
})

t.test('a program that ignores SIGTERM goes at the deadline too', async (t) => {
  const failure = await failureOf(shell('trap "" TERM; while :; do sleep 0.1; done', { timeoutMs: 200 }))
  t.equal(failure.code, 'deadline-exceeded')
})

t.test('an aborted call ends the program', async (t) => {
  const controller = new AbortController()
  const file = join(t.testdir(), 'pid')
  const running = failureOf(shell(`echo $$ > ${file}; sleep 60`, { signal: controller.signal }))
  t.ok(await waitFor(() => existsSync(file) && readFileSync(file, 'utf8') !== ''))
  controller.abort(new Error('client went away'))
  t.match(await running, {
    code: 'deadline-exceeded',
    message: 'sh was stopped',
    cause: { message: 'client went away' },
  })
  t.ok(await waitFor(() => !isRunning(Number(readFileSync(file, 'utf8')))))
})

t.test('a call that is aborted already starts nothing', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'convoy-exec-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const failure = await failureOf(shell(`touch ${directory}/started`, { signal: AbortSignal.abort() }))
  t.equal(failure.code, 'deadline-exceeded')
  await sleep(100)
  t.notOk(existsSync(join(directory, 'started')))
})

t.test('a process that is left behind with our pipe open delays nothing, and lives on', async (t) => {
  const startedAt = performance.now()
  const { exitCode, stdout } = await shell('setsid sleep 60 & echo $!')
  t.equal(exitCode, 0)
  t.ok(performance.now() - startedAt < 5000)
  const pid = Number(stdout)
  t.ok(isRunning(pid))
  process.kill(pid, 'SIGKILL')
})

t.test('calls leave no listeners on a signal that lives long', async (t) => {
  const { signal } = new AbortController()
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  const ends: AbortSignal[] = []
  signal.addEventListener = (type: string, listener: () => void, more: { signal: AbortSignal }) => {
    listeners += 1
    ends.push(more.signal)
    add(type, listener, more)
  }
  for (let calls = 0; calls < 3; calls += 1) await runProgram('true', [], { ...options, signal })
  t.equal(listeners, 3)
  t.ok(ends.every((end) => end.aborted))
})

t.test('a program that cannot be started is unavailable', async (t) => {
  const file = t.testdir({ script: 'no interpreter' })
  const failure = await failureOf(runProgram('sh', ['-c', 'true', 'x'.repeat(4 * 1024 * 1024)], options))
  t.match(failure, { code: 'unavailable', message: /cannot start sh: E2BIG/ })
  t.match(await failureOf(runProgram(join(file, 'script'), [], options)), { code: 'unsupported' })
})

t.test('the last line is the last one that says something', async (t) => {
  t.equal(lastLine('one\ntwo \n\n'), 'two')
  t.equal(lastLine(' \n'), undefined)
})
