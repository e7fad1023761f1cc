import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'

const checkout = fileURLToPath(new URL('../../', import.meta.url))

/** The program as it is shipped, where other users can run it, with a key, a repository of it, and a directory to back up. */
class Host {
  readonly folder = mkdtempSync(join(tmpdir(), 'convoy-backup-'))
  readonly program = join(this.folder, 'build/program/convoy.cjs')
  readonly source = join(this.folder, 'source')
  readonly destination = `vfs://${join(this.folder, 'store')}`
  readonly create = ['backup', 'create', '--path', this.source, '--dest', this.destination]

  constructor(t: Test) {
    t.teardown(() => rmSync(this.folder, { recursive: true, force: true }))
    chmodSync(this.folder, 0o755)
    cpSync(join(checkout, 'package.json'), join(this.folder, 'package.json'))
    cpSync(join(checkout, 'build/program'), join(this.folder, 'build/program'), { recursive: true })
    for (const name of ['source', 'store', 'home']) mkdirSync(join(this.folder, name))
    this.run('repository', 'key', 'generate')
    this.run('repository', 'init', this.destination)
  }

  get environment() {
    const keys = { CONVOY_KEY_FILE: join(this.folder, 'home/repository.key') }
    const noCloud = { AWS_EC2_METADATA_DISABLED: 'true', AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none' }
    return { PATH: process.env['PATH'], HOME: join(this.folder, 'home'), TERM: 'xterm', ...noCloud, ...keys }
  }

  run(...argv: readonly string[]) {
    return spawnSync(process.execPath, [this.program, ...argv], { encoding: 'utf8', env: this.environment })
  }

  start(...argv: readonly string[]): Running {
    const options = { env: this.environment, stdio: ['ignore', 'pipe', 'pipe'] as ['ignore', 'pipe', 'pipe'] }
    return new Running(spawn(process.execPath, [this.program, ...argv], options))
  }

  /** So many files of 1 MiB that nothing compresses. */
  fill(files: number): void {
    for (let file = 0; file < files; file++) writeFileSync(join(this.source, `file${file}`), randomBytes(1024 ** 2))
  }
}

/** A program under way. */
class Running {
  out = ''
  err = ''
  readonly #child: ChildProcessByStdio<null, Readable, Readable>
  readonly #ended: Promise<number | null>

  constructor(child: ChildProcessByStdio<null, Readable, Readable>) {
    this.#child = child
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.err += text))
    this.#ended = new Promise((resolve) => child.once('close', resolve))
  }

  /** Resolves once stdout has such a line. */
  async until(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.out)) {
      await Promise.race([this.#ended, new Promise((resolve) => this.#child.stdout.once('data', resolve))])
      if (this.#child.exitCode !== null) throw new Error(`it has ended: ${this.out}${this.err}`)
    }
  }

  async interrupt(signal: NodeJS.Signals): Promise<number | null> {
    this.#child.kill(signal)
    return this.#ended
  }
}

/** What was read has not been stored yet: that takes seconds. */
const isRead = /"bytesDone":[1-9]/

t.test('Ctrl-C ends a backup cleanly, with 130, and the next one goes on where it was', async (t) => {
  const host = new Host(t)
  host.fill(12)
  const running = host.start(...host.create, '--json', '--limit-upload', '4m')
  await running.until(isRead)
  t.equal(await running.interrupt('SIGINT'), 130)
  t.match(running.err, /convoy: coming to a clean end/)
  t.match(running.err, /again/, 'how to go on is said')
  t.match(running.out.trimEnd().split('\n').at(-1), /^\{"Error":/)
  t.equal(host.run('backup', 'list', host.destination).stdout, '{}\n', 'nothing half-visible')
  const unlock = host.run('repository', 'unlock', host.destination, '--format', '{{.Host}}')
  t.match(unlock, { status: 0, stdout: /^$/ }, 'nobody seems to be at work')
  t.match(host.run(...host.create), { status: 0, stdout: /^vfs:/ })
  t.match(host.run('backup', 'verify', host.destination, '--read-data'), { status: 0, stdout: /all is well/ })
})

t.test('SIGTERM, which a service manager sends, does the same', async (t) => {
  const host = new Host(t)
  host.fill(12)
  const running = host.start(...host.create, '--json', '--limit-upload', '4m')
  await running.until(isRead)
  t.equal(await running.interrupt('SIGTERM'), 130)
  t.match(running.err, /convoy: coming to a clean end/)
})

t.test('a second Ctrl-C ends it at once', async (t) => {
  const host = new Host(t)
  host.fill(12)
  const running = host.start(...host.create, '--json', '--limit-upload', '1m')
  await running.until(isRead)
  void running.interrupt('SIGINT')
  while (!running.err.includes('clean end')) await new Promise((resolve) => setTimeout(resolve, 5))
  t.equal(await running.interrupt('SIGINT'), null, 'by the signal')
})

const nobody = 65534
/** Root may read everything. */
const identity = process.getuid?.() === 0 ? { uid: nobody, gid: nobody } : {}
const isForRoot =
  spawnSync(process.execPath, ['--version'], identity).status === 0 ? false : 'only root may run this Node'

t.test(
  'files that cannot be read are listed, the rest is in the backup, and the exit code is 3',
  { skip: isForRoot },
  (t) => {
    const host = new Host(t)
    host.fill(2)
    chmodSync(join(host.source, 'file1'), 0)
    if ('uid' in identity) spawnSync('chown', ['-R', String(nobody), host.folder])
    const { status, stdout, stderr } = spawnSync(process.execPath, [host.program, ...host.create], {
      encoding: 'utf8',
      env: host.environment,
      ...identity,
    })
    t.equal(status, 3)
    t.match(stdout, /^vfs:.*\n$/)
    t.match(stderr, /convoy: file1: .*\nconvoy: complete but for the above: 1 problem in the backup\n/)
    t.match(host.run('backup', 'ls', '-q', stdout.trimEnd()).stdout, 'file0\n')
    t.end()
  },
)

t.test('a backup and a restore by the program as it is shipped', (t) => {
  const host = new Host(t)
  host.fill(3)
  writeFileSync(join(host.source, 'small'), 'x')
  const { status, stdout, stderr } = host.run(...host.create)
  t.equal(status, 0, stderr)
  const target = join(host.folder, 'target')
  t.match(host.run('backup', 'extract', stdout.trimEnd(), '--to', target), { status: 0, stdout: `${target}\n` })
  t.equal(spawnSync('diff', ['-r', host.source, target], { encoding: 'utf8' }).stdout, '')
  const cat = spawnSync(process.execPath, [host.program, 'backup', 'cat', stdout.trimEnd(), 'small'], {
    env: host.environment,
  })
  t.equal(cat.stdout.toString(), 'x')
  t.end()
})

const hasScript = spawnSync('script', ['--version']).status === 0

const skip = hasScript ? false : 'script is not installed'

t.test('a passphrase that is typed is not shown, and opens what it was made for', { skip }, async (t) => {
  const host = new Host(t)
  const other = `vfs://${join(host.folder, 'home')}`
  const type = async (answers: readonly string[], ...argv: readonly string[]) => {
    const words = [process.execPath, host.program, ...argv].map((word) => `'${word}'`).join(' ')
    const env = { ...host.environment, CONVOY_KEY_FILE: '' }
    const child = spawn('script', ['-qec', words, '/dev/null'], { env, stdio: ['pipe', 'pipe', 'ignore'] })
    let shown = ''
    const left = [...answers]
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      shown += text
      // Raw mode is set right after the question.
      if (text.endsWith(': ')) setTimeout(() => child.stdin.write(`${left.shift() ?? ''}\r`), 200)
    })
    await new Promise((resolve) => child.once('close', resolve))
    return shown
  }
  const made = await type(['correct horse', 'correct horse'], 'repository', 'init', other, '--passphrase')
  t.match(made, /New passphrase: \r\nOnce more: \r\nconvoy: made a repository at vfs:/)
  t.notMatch(made, 'horse')
  t.match(await type(['correct horse'], 'backup', 'list', other), /VOLUME/)
  t.match(await type(['wrong horse'], 'backup', 'list', other), /opens with this passphrase/)
})

t.test('on a terminal there is a line of progress', { skip }, (t) => {
  const host = new Host(t)
  host.fill(12)
  const words = [process.execPath, host.program, ...host.create, '--limit-upload', '8m']
  const { stdout } = spawnSync('script', ['-qec', words.map((word) => `'${word}'`).join(' '), '/dev/null'], {
    encoding: 'utf8',
    env: host.environment,
  })
  t.match(stdout, /\rbacking up source .*MiB/)
  t.match(stdout, /\r +\rvfs:.*backup=backup-[0-9a-f]{16}&volume=source\r\n/, 'which is gone at the end')
  t.end()
})
