import { execFileSync } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { SharedFileProcess } from '../../src/host/shared-file-process.js'
import { eventually } from '../engine/polling.js'
import { fileProcesses } from './child-processes.js'

const hangs = { code: 'unavailable', message: /does not answer/ }

/** Two storages; the second hangs whenever `hung` is written, until somebody reads it. */
function open(t: Test, timeoutMs = 3000) {
  const path = t.testdir()
  execFileSync('mkfifo', [join(path, 'hung.partial')])
  const files = new SharedFileProcess({ timeoutMs })
  t.teardown(() => [good, bad].forEach((one) => one.close()))
  const [good, bad] = [files.of('good'), files.of('bad')]
  return {
    path,
    files,
    look: (which = good) => which.run([{ op: 'stat', path }]),
    hang: () => bad.run([{ op: 'write', path: join(path, 'hung'), text: 'x' }]),
    wake: () => readFile(join(path, 'hung.partial')).catch(() => undefined),
    good,
    bad,
  }
}

t.test('all storages that answer share one process', async (t) => {
  const { look, bad } = open(t)
  await Promise.all([look(), look(bad)])
  t.equal(fileProcesses().length, 1)
})

t.test('while one hangs the others are answered by the same process, and it is replaced without a loss', async (t) => {
  const { look, hang } = open(t)
  await look()
  const [first] = fileProcesses()
  const hung = hang()
  t.match(await look(), [{ kind: 'directory' }], 'at once')
  t.same(fileProcesses(), [first])
  await t.rejects(hung, hangs)
  t.match(await look(), [{ kind: 'directory' }])
  await eventually('the one that hung is gone', () => !fileProcesses().includes(first ?? 0))
})

t.test('what others wait for in a process that is abandoned is still answered', async (t) => {
  const { look, hang, files, path } = open(t, 6000)
  const slow = join(path, 'slow.partial')
  execFileSync('mkfifo', [slow])
  const hung = hang()
  await new Promise((resolve) => setTimeout(resolve, 3000))
  const slowStorage = files.of('slow')
  t.teardown(() => slowStorage.close())
  const write = slowStorage.run([{ op: 'write', path: join(path, 'slow'), text: 'x' }])
  // A pipe cannot be cut or synced: this answer comes from the kernel, and not from a deadline.
  const answered = t.rejects(write, { message: /EINVAL/ })
  await t.rejects(hung, hangs)
  const text = await readFile(slow, 'utf8')
  t.equal(text, 'x')
  await answered
  await look()
})

t.test('a storage that hangs has a process of its own until it answers again', async (t) => {
  const { look, hang, wake, bad } = open(t)
  await t.rejects(hang(), hangs)
  await look()
  const [common] = fileProcesses()
  await t.rejects(hang(), hangs, 'again')
  t.ok(fileProcesses().includes(common ?? 0), 'the common one lives on')
  const again = hang().catch(() => undefined)
  await wake()
  await again
  t.match(await look(bad), [{ kind: 'directory' }])
  await eventually('only the common one is left', () => fileProcesses().join() === String(common))
})

t.test('what the system refuses is an answer too', async (t) => {
  const { look, hang, bad, path } = open(t)
  await t.rejects(hang(), hangs)
  await look()
  const common = fileProcesses().join()
  await t.rejects(bad.run([{ op: 'statfs', path: join(path, 'missing') }]), { code: 'not-found' })
  await eventually('only the common one is left', () => fileProcesses().join() === common)
})

t.test('after closing no process is left', async (t) => {
  const { good, bad, look, hang } = open(t)
  await t.rejects(hang(), hangs)
  await look()
  const hung = hang().catch(() => undefined)
  good.close()
  bad.close()
  await hung
  await eventually('they are gone', () => fileProcesses().length === 0)
})
