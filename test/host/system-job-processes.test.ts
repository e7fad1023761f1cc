import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { isSameProcess } from '../../src/host/process-identity.js'
import { readJobFile, SystemJobProcesses, writeJobFile } from '../../src/host/system-job-processes.js'
import type { JobProcess } from '../../src/model/job.js'
import { parseVolumeName } from '../../src/model/volume-name.js'
import { eventually } from '../engine/polling.js'

// Following a job does not keep a process alive: a daemon's sockets do.
const alive = setInterval(() => undefined, 1000)
t.teardown(() => clearInterval(alive))

const id = '00000000-0000-4000-8000-000000000001'
const volume = { name: parseVolumeName('db'), id, attributes: {} }
const assignment = { request: { kind: 'remove', driver: 'vfs', volume }, journal: { note: 'text' } } as const

/** Jobs that run this program; `folder` is theirs. */
function open(root: string, program: string, configuration = '{}'): SystemJobProcesses {
  const script = `const folder = process.argv[1], fs = require('fs')
    const write = (name, value) => fs.writeFileSync(folder + '/' + name, typeof value === 'string' ? value : JSON.stringify(value))
    ${program}`
  return new SystemJobProcesses({ root, command: [process.execPath, '-e', script], configuration })
}

const sleeping = 'setInterval(() => undefined, 1000)'

t.test('a job gets its assignment in a file and its configuration on standard input', async (t) => {
  const root = t.testdir()
  const jobs = open(
    root,
    `const request = JSON.parse(fs.readFileSync(folder + '/request.json'))
     write('result.json', { journal: { read: fs.readFileSync(0, 'utf8'), volume: request.request.volume.name, note: request.journal.note } })`,
    'secret configuration',
  )
  await jobs.ended(await jobs.start(id, assignment))
  t.strictSame(await jobs.readResult(id), {
    journal: { read: 'secret configuration', volume: 'db', note: 'text' },
  })
  t.equal(statSync(join(root, id)).mode & 0o777, 0o700)
  t.equal(statSync(join(root, id, 'request.json')).mode & 0o777, 0o600)
})

t.test('S09: secrets are in no file, argument or environment of a job', async (t) => {
  process.env['CONVOY_TEST_SECRET'] = 'in the environment'
  t.teardown(() => delete process.env['CONVOY_TEST_SECRET'])
  const root = t.testdir()
  const jobs = open(root, sleeping, 'in the configuration')
  const job = await jobs.start(id, assignment)
  const seen = ['cmdline', 'environ'].map((file) => readFileSync(`/proc/${job.pid}/${file}`, 'latin1'))
  const files = readdirSync(join(root, id)).map((name) => readFileSync(join(root, id, name), 'utf8'))
  t.notMatch([...seen, ...files].join('\n'), /in the (?:environment|configuration)/)
  await jobs.kill(job)
})

t.test('a job outlives whoever started it, and the next daemon follows it', async (t) => {
  const root = t.testdir()
  const starter = `
    const { SystemJobProcesses } = await import(${JSON.stringify(new URL('../../src/host/system-job-processes.js', import.meta.url).href)})
    const command = [process.execPath, '-e', ${JSON.stringify("setTimeout(() => require('fs').writeFileSync(process.argv[1] + '/result.json', '{\"journal\":{}}'), 1500)")}]
    const jobs = new SystemJobProcesses({ root: ${JSON.stringify(root)}, command, configuration: '' })
    process.stdout.write(JSON.stringify(await jobs.start(${JSON.stringify(id)}, {})))
    process.stdout.write('', () => process.kill(process.pid, 'SIGKILL'))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', starter], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.on('data', (data) => (printed += String(data)))
  await once(child, 'close')
  const job = JSON.parse(printed) as JobProcess
  const jobs = open(root, '')
  t.ok(jobs.isRunning(job))
  await jobs.ended(job)
  t.strictSame(await jobs.readResult(id), { journal: {} })
})

t.test('killing a job ends what it started, too', async (t) => {
  const root = t.testdir()
  const jobs = open(root, `write('pid', String(require('child_process').spawn('sleep', ['1000']).pid)); ${sleeping}`)
  const job = await jobs.start(id, assignment)
  const file = join(root, id, 'pid')
  await eventually('it has started something', () => existsSync(file) && readFileSync(file, 'utf8') !== '')
  const grandchild = Number(readFileSync(file, 'utf8'))
  await jobs.kill(job)
  t.notOk(jobs.isRunning(job))
  await eventually('that is gone as well', () => !isRunning(grandchild))
})

const isRunning = (pid: number) => {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'))
  } catch {
    return false
  }
}

t.test('a job that does not end when it is told to is killed', async (t) => {
  const root = t.testdir()
  const jobs = open(root, `process.on('SIGTERM', () => undefined); write('ready', ''); ${sleeping}`)
  const job = await jobs.start(id, assignment)
  await eventually('it is deaf', () => existsSync(join(root, id, 'ready')))
  await jobs.kill(job)
  t.notOk(isRunning(job.pid))
})

t.test('a job that has ended leaves alone whoever has its pid by now', async (t) => {
  const jobs = open(t.testdir(), '')
  const stranger = { pid: process.pid, startTime: '1' }
  t.notOk(jobs.isRunning(stranger))
  await jobs.kill(stranger)
  await jobs.ended(stranger)
  await jobs.kill({ pid: 0, startTime: 'ended' })
  await jobs.kill({ pid: -1, startTime: 'ended' })
  t.ok(isRunning(process.pid), 'we are still here')
})

t.test('a job that ended at once is known to have ended', async (t) => {
  const jobs = open(t.testdir(), 'process.exit(1)')
  const job = await jobs.start(id, assignment)
  await jobs.ended(job)
  t.notOk(isSameProcess(job))
  t.equal(await jobs.readResult(id), undefined)
})

t.test('a program that cannot be started is an error', async (t) => {
  const jobs = new SystemJobProcesses({ root: t.testdir(), command: ['/nonexistent/program'], configuration: '' })
  await t.rejects(jobs.start(id, assignment), /ENOENT/)
})

t.test('results and progress are read as far as they make sense', async (t) => {
  const root = t.testdir()
  const jobs = open(root, '')
  const folder = join(root, id)
  mkdirSync(folder)
  t.equal(await jobs.readResult(id), undefined)
  t.equal(await jobs.readProgress(id), undefined)
  for (const text of ['', '{', '7', 'null', '"x"']) {
    writeFileSync(join(folder, 'result.json'), text)
    t.equal(await jobs.readResult(id), undefined, text)
  }
  await writeJobFile(folder, 'result.json', { error: 7, journal: { a: 'b', c: 1 }, more: true })
  t.strictSame(await jobs.readResult(id), { journal: { a: 'b' } })
  await writeJobFile(folder, 'result.json', { error: 'failed', journal: 'none' })
  t.strictSame(await jobs.readResult(id), { error: 'failed', journal: {} })
  await writeJobFile(folder, 'progress.json', { done: '7' })
  t.equal(await jobs.readProgress(id), undefined)
  await writeJobFile(folder, 'progress.json', { done: 7, total: 9, unit: 'bytes' })
  t.strictSame(await jobs.readProgress(id), { done: 7, total: 9, unit: 'bytes' })
  await writeJobFile(folder, 'progress.json', { done: 7, total: 'many', unit: 'x' })
  t.strictSame(await jobs.readProgress(id), { done: 7, unit: 'entries' })
  t.equal(await readJobFile(folder, 'missing.json'), undefined)
  t.strictSame(readdirSync(folder).sort(), ['progress.json', 'result.json'], 'nothing half-written is left')
})

t.test('S03: an id becomes a path only if it is one of ours', async (t) => {
  const root = t.testdir({ jobs: {}, precious: 'precious' })
  const jobs = open(join(root, 'jobs'), '')
  for (const bad of ['..', '../precious', '', '/', 'a/b', '0'.repeat(65), 'ABCDEFGH', '0000000\n']) {
    await t.rejects(jobs.start(bad, assignment), { code: 'invalid-argument' }, JSON.stringify(bad))
    await t.rejects(jobs.removeFolder(bad), { code: 'invalid-argument' })
    await t.rejects(jobs.readResult(bad), { code: 'invalid-argument' })
  }
  t.ok(existsSync(join(root, 'precious')))
})

t.test('a folder is removed with all that is in it, and once more is no error', async (t) => {
  const root = t.testdir({ [id]: { log: 'text' } })
  const jobs = open(root, '')
  await jobs.removeFolder(id)
  await jobs.removeFolder(id)
  t.strictSame(readdirSync(root), [])
})

t.test('a job that cannot be started says what to look at, and a disk that is full is no missing file', async (t) => {
  const root = join(t.testdir({ file: '' }), 'file')
  await t.rejects(open(root, sleeping).start(id, assignment), {
    code: 'unavailable',
    message: /cannot start a process: ENOTDIR/,
    hint: `look at the disk of ${root}: is it full (df, df -i) or read-only?`,
  })
})
