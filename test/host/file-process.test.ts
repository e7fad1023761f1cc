import { execFileSync, spawn } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { FileProcess } from '../../src/host/file-process.js'
import { eventually } from '../engine/polling.js'
import { children, childrenOf, fileProcesses } from './child-processes.js'

function open(t: Pick<Test, 'teardown'>, timeoutMs?: number): FileProcess {
  const files = new FileProcess(timeoutMs === undefined ? {} : { timeoutMs })
  t.teardown(() => files.close())
  return files
}

/** The one process that works on files for us. */
function childPid(): number {
  const [pid] = fileProcesses()
  if (pid === undefined) throw new Error('there is no such process')
  return pid
}

t.test('a file system says how much room it has, and who may own what is there', async (t) => {
  const path = t.testdir()
  const [space, owner] = await open(t).run([
    { op: 'statfs', path },
    { op: 'try-owner', path: join(path, 'probe') },
  ])
  const { bsize, blocks, files } = statfsSync(path)
  t.match(space, { sizeBytes: bsize * blocks, inodes: files })
  t.equal(owner, process.getuid?.() === 0 ? null : `${process.getuid?.()}:${process.getgid?.()}`)
  t.same(readdirSync(path), [])
})

t.test('operations run in their order and answer one by one', async (t) => {
  const path = t.testdir({ there: 'text', 'a.json': '1', 'b.json': '2', 'c.txt': '3' })
  const files = open(t)
  const results = await files.run([
    { op: 'stat', path },
    { op: 'stat', path: join(path, 'there') },
    { op: 'stat', path: join(path, 'missing') },
    { op: 'read', path: join(path, 'there') },
    { op: 'read', path: join(path, 'missing') },
    { op: 'write', path: join(path, 'new'), text: 'ünï' },
    { op: 'read', path: join(path, 'new') },
    { op: 'unlink', path: join(path, 'there') },
    { op: 'unlink', path: join(path, 'there') },
    { op: 'sync', path },
  ])
  t.match(results, [
    { kind: 'directory', inode: statSync(path).ino },
    { kind: 'file' },
    null,
    'text',
    null,
    null,
    'ünï',
    null,
    null,
    null,
  ])
  const [names] = await files.run([{ op: 'list', path, suffix: '.json' }])
  t.strictSame(new Set(names as readonly string[]), new Set(['a.json', 'b.json']))
  t.strictSame(await files.run([{ op: 'list', path: join(path, 'nowhere'), suffix: '.json' }]), [[]])
})

t.test('amend sets members of an object that is what was expected, and touches nothing else', async (t) => {
  const path = t.testdir({ 'a.json': '{"id":"1","state":"live","more":{"kept":[1]}}', 'list.json': '[]', text: 'id' })
  const unless = { state: 'forgotten' }
  const members = { state: 'forgotten', when: 'now' }
  const amend = (name: string, id: string) =>
    open(t).run([{ op: 'amend', path: join(path, name), expected: { id }, unless, members, counter: 'times' }])
  await amend('a.json', '1')
  const { ino } = statSync(join(path, 'a.json'))
  await amend('a.json', '1')
  t.equal(statSync(join(path, 'a.json')).ino, ino, 'what is so already is not written')
  const text = readFileSync(join(path, 'a.json'), 'utf8')
  t.strictSame(JSON.parse(text), { id: '1', state: 'forgotten', more: { kept: [1] }, when: 'now', times: 1 })
  for (const name of ['a.json', 'list.json', 'text', 'missing']) {
    await t.rejects(amend(name, '2'), { code: 'not-found' }, name)
  }
  t.equal(readFileSync(join(path, 'a.json'), 'utf8'), text)
  t.strictSame(readdirSync(path).sort(), ['a.json', 'list.json', 'text'])
})

t.test('a move of what may be there already moves it, once', async (t) => {
  const path = t.testdir({ from: 'data' })
  const move = { op: 'move', from: join(path, 'from'), to: join(path, 'to') } as const
  const files = open(t)
  await files.run([{ ...move, ifThere: true }])
  await files.run([{ ...move, ifThere: true }])
  t.equal(readFileSync(join(path, 'to'), 'utf8'), 'data')
  await t.rejects(files.run([{ ...move, to: join(path, 'elsewhere') }]), { code: 'not-found' })
  writeFileSync(join(path, 'from'), 'other')
  await t.rejects(files.run([{ ...move, ifThere: true }]), { code: 'already-exists' })
})

t.test('the first operation that fails ends the run: those before it are done, those after it not', async (t) => {
  const path = t.testdir()
  const run = open(t).run([
    { op: 'mkdir', path: join(path, 'one'), mode: 0o700 },
    { op: 'mkdir', path: join(path, 'missing', 'two'), mode: 0o700 },
    { op: 'mkdir', path: join(path, 'three'), mode: 0o700 },
  ])
  await t.rejects(run, { code: 'not-found', message: /ENOENT.*two/ })
  t.strictSame(readdirSync(path), ['one'])
})

t.test('what the kernel says becomes the error that callers tell apart', async (t) => {
  const path = t.testdir({ file: 'text', taken: {}, from: {} })
  const files = open(t)
  const cases = [
    [{ op: 'sync', path: join(path, 'missing') }, 'not-found'],
    [{ op: 'mkdir', path: join(path, 'file', 'below'), mode: 0o700 }, 'not-found'],
    [{ op: 'mkdir', path: join(path, 'file'), mode: 0o700 }, 'already-exists'],
    [{ op: 'move', from: join(path, 'from'), to: join(path, 'taken') }, 'already-exists'],
    [{ op: 'move', from: join(path, 'missing'), to: join(path, 'new') }, 'not-found'],
    [{ op: 'write', path: '/proc/self/nothing', text: '' }, 'not-found'],
  ] as const
  for (const [operation, code] of cases) {
    await t.rejects(files.run([operation]), { code }, JSON.stringify(operation))
  }
  t.equal(readFileSync(join(path, 'file'), 'utf8'), 'text')
})

const shm = existsSync('/dev/shm') && statSync('/dev/shm').dev !== statSync('/tmp').dev ? '/dev/shm' : undefined

t.test('a move to another file system is not supported', { skip: shm === undefined && 'needs /dev/shm' }, async (t) => {
  const path = t.testdir({ file: 'text' })
  const to = join('/dev/shm', `convoy-test-${process.pid}`)
  await t.rejects(open(t).run([{ op: 'move', from: join(path, 'file'), to }]), { code: 'unsupported' })
  t.notOk(existsSync(to))
  t.ok(existsSync(join(path, 'file')))
})

t.test('S08: links are never followed, and what is no file of ours is never read', async (t) => {
  const path = t.testdir({ secret: 'secret', volumes: { 'good.json': '1' } })
  const volumes = join(path, 'volumes')
  symlinkSync(join(path, 'secret'), join(volumes, 'link.json'))
  symlinkSync(path, join(path, 'directory-link'))
  mkdirSync(join(volumes, 'directory.json'))
  execFileSync('mkfifo', [join(volumes, 'fifo.json')])
  writeFileSync(join(volumes, 'huge.json'), 'x'.repeat(1024 * 1024 + 1))
  const files = open(t)
  t.match(await files.run([{ op: 'stat', path: join(volumes, 'link.json') }]), [{ kind: 'other' }])
  await t.rejects(files.run([{ op: 'read', path: join(volumes, 'link.json') }]), { code: 'unavailable' })
  t.strictSame(await files.run([{ op: 'read', path: join(volumes, 'fifo.json') }]), [''])
  t.strictSame(await files.run([{ op: 'read', path: join(volumes, 'huge.json') }]), [''])
  const [names] = await files.run([{ op: 'list', path: volumes, suffix: '.json' }])
  t.strictSame(new Set(names as readonly string[]), new Set(['good.json', 'huge.json']))
  await t.rejects(files.run([{ op: 'mkdir', path: join(path, 'directory-link'), mode: 0o777 }]), {
    code: 'already-exists',
  })
  symlinkSync(join(path, 'secret'), join(volumes, 'new.json.partial'))
  await t.rejects(files.run([{ op: 'write', path: join(volumes, 'new.json'), text: 'overwritten' }]))
  t.equal(readFileSync(join(path, 'secret'), 'utf8'), 'secret')
})

t.test('a file is replaced as a whole, is ours alone, and leaves nothing beside it', async (t) => {
  const path = t.testdir({ file: 'old', 'file.partial': 'left by a crash, and longer than the new text' })
  await open(t).run([{ op: 'write', path: join(path, 'file'), text: 'new' }])
  t.strictSame(readdirSync(path), ['file'])
  t.equal(readFileSync(join(path, 'file'), 'utf8'), 'new')
  await open(t).run([{ op: 'write', path: join(path, 'fresh'), text: 'new' }])
  t.equal(statSync(join(path, 'fresh')).mode & 0o777, 0o600)
})

t.test('a directory that cannot get its name is not left under another', async (t) => {
  const path = t.testdir({ taken: 'a file' })
  const make = { op: 'mkdir-owned', path: join(path, 'taken'), via: join(path, 'via'), mode: 0o700 } as const
  await t.rejects(open(t).run([make]))
  t.strictSame(readdirSync(path), ['taken'])
})

t.test('a sparse file has its size and takes no space, and one that is there keeps its content', async (t) => {
  const path = t.testdir({ old: 'content' })
  const make = (name: string) => ({ op: 'make-sparse', path: join(path, name), sizeBytes: 2 ** 40 }) as const
  await open(t).run([make('new'), make('old')])
  t.equal(statSync(join(path, 'new')).size, 2 ** 40)
  t.ok(statSync(join(path, 'new')).blocks < 100)
  t.equal(readFileSync(join(path, 'old'), 'utf8'), 'content')
})

t.test('many runs at once get each its own answers', async (t) => {
  const path = t.testdir()
  const files = open(t)
  const texts = fc.array(fc.string({ unit: 'binary', maxLength: 50 }), { minLength: 1, maxLength: 30 })
  const property = fc.asyncProperty(texts, async (contents) => {
    const runs = contents.map(async (content, index) => {
      const text = Buffer.from(content).toString('utf8')
      const file = join(path, `file${index}`)
      const [, read] = await files.run([
        { op: 'write', path: file, text },
        { op: 'read', path: file },
      ])
      if (read !== text) throw new Error(`read ${JSON.stringify(read)} instead of ${JSON.stringify(text)}`)
    })
    await Promise.all(runs)
  })
  await fc.assert(property, { numRuns: 30 })
  t.pass('30 times up to 30 runs')
})

t.test('a storage that hangs takes its process with it, and not us; the next run gets another', async (t) => {
  const path = t.testdir()
  // Opening it for writing waits for a reader that never comes.
  execFileSync('mkfifo', [join(path, 'hung.partial')])
  const files = open(t, 1500)
  await files.run([{ op: 'stat', path }])
  const first = childPid()
  const hung = files.run([{ op: 'write', path: join(path, 'hung'), text: 'x' }])
  const behind = files.run([{ op: 'stat', path }])
  await t.rejects(hung, { code: 'unavailable', message: /does not answer .*write/, hint: /disk or the share/ })
  await t.rejects(behind, { code: 'unavailable', message: /does not answer/ })
  t.match(await files.run([{ op: 'stat', path }]), [{ kind: 'directory' }])
  await eventually('the hung one is gone', () => !children().includes(first))
})

t.test('a process that is killed fails what it was doing, and the next run gets another', async (t) => {
  const path = t.testdir()
  execFileSync('mkfifo', [join(path, 'hung.partial')])
  const files = open(t)
  await files.run([{ op: 'stat', path }])
  const first = childPid()
  const run = files.run([{ op: 'write', path: join(path, 'hung'), text: 'x' }])
  process.kill(first, 'SIGKILL')
  await t.rejects(run, { code: 'unavailable', message: /has ended/ })
  t.match(await files.run([{ op: 'stat', path }]), [{ kind: 'directory' }])
  t.not(childPid(), first)
})

t.test('after closing no process is left, and a run under way fails', async (t) => {
  const path = t.testdir()
  execFileSync('mkfifo', [join(path, 'hung.partial')])
  const files = open(t)
  await files.run([{ op: 'stat', path }])
  const first = childPid()
  const run = files.run([{ op: 'write', path: join(path, 'hung'), text: 'x' }])
  files.close()
  await t.rejects(run, { code: 'unavailable' })
  await eventually('it is gone', () => !children().includes(first))
  files.close()
})

t.test('the process ends with its parent, also while a storage hangs', async (t) => {
  const path = t.testdir()
  execFileSync('mkfifo', [join(path, 'hung.partial')])
  const source = new URL('../../src/host/file-process.js', import.meta.url).href
  const script = `const { FileProcess } = await import(${JSON.stringify(source)})
    new FileProcess().run([{ op: 'write', path: ${JSON.stringify(join(path, 'hung'))}, text: 'x' }])`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: 'ignore' })
  t.teardown(() => parent.kill('SIGKILL'))
  // As the kernel calls the wait for the other end of a pipe.
  const hung = await eventually('the child hangs', () =>
    childrenOf(parent.pid ?? 0).find((pid) => readFileSync(`/proc/${pid}/wchan`, 'utf8').includes('partner')),
  )
  parent.kill('SIGKILL')
  await eventually('the child is gone', () => !existsSync(`/proc/${hung}`))
})

t.test('S09: the process gets nothing of our environment', async (t) => {
  process.env['CONVOY_TEST_SECRET'] = 'do not hand this on'
  t.teardown(() => delete process.env['CONVOY_TEST_SECRET'])
  await open(t).run([{ op: 'stat', path: '/' }])
  t.notMatch(readFileSync(`/proc/${childPid()}/environ`, 'utf8'), /CONVOY_TEST_SECRET/)
})
