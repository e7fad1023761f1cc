import { spawnSync } from 'node:child_process'
import { chmodSync, chownSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { eventually } from '../engine/polling.js'
import { convoy as run } from './convoy-command.js'
import { DaemonProcess, mainProgram } from './daemon-process.js'

const daemon = await new DaemonProcess(t).start()
const convoy = (...argv: readonly string[]) => run(['--socket', daemon.controlSocket, ...argv])

async function make(...names: readonly string[]): Promise<void> {
  for (const name of names) await daemon.control('POST', '/v1/volumes', { name, options: {} })
}

async function succeeds(t: Test, ...argv: readonly string[]): Promise<string> {
  const { code, out, err } = await convoy(...argv)
  t.same({ code, err }, { code: 0, err: '' }, argv.join(' '))
  return out
}

await make('db', 'cache')
await daemon.control('POST', '/v1/volumes', { name: 'sized', options: { size: '10G' } })
await daemon.control('POST', '/v1/volumes/db/mount', {})

t.test('ls shows the volumes in every form', async (t) => {
  const lines = (await succeeds(t, 'ls')).trimEnd().split('\n')
  t.match(lines[0], /^NAME +DRIVER +STATE +MOUNTS +SIZE +CREATED$/)
  t.match(lines[1], /^cache +vfs +ready +0 +\S.* ago$/)
  t.match(lines[2], /^db +vfs +attached +1 +\S.* ago$/)
  t.match(lines[3], /^sized +vfs +ready +0 +10 GiB +\S.* ago$/)
  t.equal(await succeeds(t, 'ls', '-q'), 'cache\ndb\nsized\n')
  t.equal(await succeeds(t, 'ls', '--format', String.raw`{{.Name}}\t{{.Options.size}}`), 'cache\t\ndb\t\nsized\t10G\n')
  t.equal(await succeeds(t, 'ls', '--format', 'table {{.Name}}'), 'NAME\ncache\ndb\nsized\n')
  const [, db = ''] = (await succeeds(t, 'ls', '--format', 'json')).split('\n')
  t.match(JSON.parse(db), { Name: 'db', State: 'attached', Mounts: 1, Mountpoint: daemon.volume('db') })
})

t.test('ls filters', async (t) => {
  t.equal(await succeeds(t, 'ls', '-q', '--filter', 'mounted=true'), 'db\n')
  t.equal(await succeeds(t, 'ls', '-q', '--filter', 'option=size=10G'), 'sized\n')
  t.equal(await succeeds(t, 'ls', '-q', '--filter', 'name=d', '--filter', 'state=ready'), 'sized\n')
  t.equal(await succeeds(t, 'ls', '-q', '--filter', 'driver=ebs'), '')
})

t.test('ls --forgotten shows what Docker removed', async (t) => {
  await make('lost')
  await succeeds(t, 'delete', '--reference', 'lost')
  t.equal(await succeeds(t, 'ls', '-q', '--forgotten'), 'lost\n')
  t.notMatch(await succeeds(t, 'ls', '-q'), 'lost')
})

t.test('ps shows the mount of convoy mount', async (t) => {
  const { code, out } = await convoy('ps', 'db')
  t.equal(code, 0)
  t.match(out, /^KIND +HOLDER.*\nmount +convoy-mount +1 +\S.* ago/)
  t.match(await convoy('ps', 'db', '--format', '{{.Kind}} {{.Holder}}', '--no-trunc'), { out: /^mount convoy-mount/ })
  t.match(await convoy('ps', 'nope'), { code: 1, out: '', err: /no such volume: nope/ })
})

t.test('drivers and version', async (t) => {
  t.match(await succeeds(t, 'drivers'), /^NAME .*\nvfs +yes +shared +.*size/)
  t.match(JSON.parse(await succeeds(t, 'drivers', '--format', 'json')), { Name: 'vfs', IsDefault: true })
  t.match(await succeeds(t, 'version'), /^Client: (\S+)\nDaemon: \1\n$/)
})

t.test('the trash is shown, and emptied by name, with its jobs', async (t) => {
  await make('one', 'two', 'three')
  for (const name of ['one', 'two', 'three']) {
    writeFileSync(daemon.volume(name, 'file'), 'data')
    await succeeds(t, 'delete', name)
  }
  t.equal(
    await succeeds(t, 'trash', 'ls', '--format', '{{.Name}} {{.State}}'),
    'three trashed\ntwo trashed\none trashed\n',
  )
  t.match(await convoy('trash', 'empty'), { code: 1, out: '', err: /--yes/ })
  t.match(await convoy('trash', 'empty', '--dry-run'), { code: 0, out: /three/, err: /3 deleted volumes would be/ })
  t.equal(await succeeds(t, 'trash', 'empty', '--yes', 'two'), 'two\n')
  const ids = (await succeeds(t, 'jobs', 'ls', '-q')).trimEnd().split('\n')
  t.equal(ids.length, 1)
  t.match(JSON.parse(await succeeds(t, 'jobs', 'wait', ...ids)), { state: 'succeeded' })
  t.match(await succeeds(t, 'jobs', 'ls', '--format', 'table'), /^ID .*\n\S+ +remove +two +succeeded/)
  t.match(JSON.parse(await succeeds(t, 'jobs')), [{ state: 'succeeded' }])
  await eventually('it is gone', async () => !(await convoy('trash', 'ls')).out.includes('two'))
  t.equal(await succeeds(t, 'trash', 'ls', '--format', '{{.Name}}'), 'three\none\n')
  t.equal(await succeeds(t, 'undelete', 'one'), 'one\n')
  t.equal(await succeeds(t, 'trash', 'empty', '-y'), 'three\n')
})

t.test('a reader that leaves early ends the command without a word', async (t) => {
  const program = '"$@" | head -c 1; echo "${PIPESTATUS[0]}"'
  const command = [process.execPath, mainProgram, '-s', daemon.controlSocket, 'ls', '--format', 'json']
  for (let index = 0; index < 5; index++) {
    const { stdout, stderr } = spawnSync(
      '/usr/bin/env',
      ['-u', 'NODE_OPTIONS', 'bash', '-c', program, '-', ...command],
      {
        encoding: 'utf8',
      },
    )
    t.same({ stdout, stderr }, { stdout: '{0\n', stderr: '' })
  }
})

/** Root that the mode of somebody else's socket stops: Node itself may lie where only root can read. */
const withoutOverride = ['--bounding-set=-dac_override,-dac_read_search', '--']
const cannotDropOverride =
  spawnSync('setpriv', [...withoutOverride, 'true']).status === 0 ? false : 'needs root, and setpriv of util-linux'

t.test('a socket without permission says that root has it', { skip: cannotDropOverride }, async (t) => {
  const socket = join(daemon.directory, 'closed.sock')
  const server = createServer().listen(socket)
  t.teardown(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  chmodSync(socket, 0o600)
  chownSync(socket, 65534, 65534)
  const command = [...withoutOverride, '/usr/bin/env', '-i', process.execPath, mainProgram, '-s', socket, 'ls']
  const { status, stdout, stderr } = spawnSync('setpriv', command, { encoding: 'utf8' })
  t.same({ status, stdout }, { status: 1, stdout: '' })
  t.match(stderr, /permission denied.*sudo/)
})

t.test('a daemon that is not running says how to start it', async (t) => {
  const gone = join(daemon.directory, 'gone.sock')
  for (const argv of [['ls'], ['ps', 'db'], ['trash'], ['trash', 'empty'], ['drivers']])
    t.match(await run(['-s', gone, ...argv]), { code: 1, out: '', err: /sudo convoy daemon/ }, argv.join(' '))
})
