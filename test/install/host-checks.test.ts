import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { addressesInUse, checkSystemd, foreignAddresses, foreignCommand } from '../../src/install/host-checks.js'
import { layoutAt } from '../../src/install/layout.js'

t.test('a systemd that is missing or too old is refused, with the way without it', async (t) => {
  t.doesNotThrow(() => checkSystemd('systemd 252 (252.39-1~deb12u1)\n+PAM'))
  t.throws(() => checkSystemd('systemd 219\n'), { message: 'systemd 219 is older than 245', hint: /--no-systemd/ })
  t.throws(() => checkSystemd(undefined), { code: 'unsupported', message: /does not run here/ })
})

t.test('a program of the name that a shell finds first is foreign, unless it is ours', async (t) => {
  const directory = t.testdir({ other: {}, prefix: { bin: {}, lib: { convoy: { program: '' } } } })
  const layout = layoutAt(join(directory, 'prefix'))
  const other = join(directory, 'other/convoy')
  const path = `${directory}/other:${directory}/prefix/bin`
  t.equal(foreignCommand(layout, path), undefined)
  symlinkSync(join(layout.library, 'program'), layout.command)
  t.equal(foreignCommand(layout, path), undefined)
  symlinkSync(join(layout.library, 'program'), other)
  t.equal(foreignCommand(layout, path), undefined, 'another link to ours')
  mkdirSync(join(directory, 'first'))
  writeFileSync(join(directory, 'first/convoy'), '')
  chmodSync(join(directory, 'first/convoy'), 0o755)
  t.equal(foreignCommand(layout, `${directory}/first:${path}`), join(directory, 'first/convoy'))
})

t.test('who listens on one of our addresses is found by what the kernel says', async (t) => {
  const sockets = `Num       RefCount Protocol Flags    Type St Inode Path
0000000000000000: 00000002 00000000 00010000 0001 01 1 /run/docker/plugins/convoy.sock
0000000000000000: 00000002 00000000 00010000 0001 01 2 /run/docker/plugins/other.sock
0000000000000000: 00000003 00000000 00000000 0001 03 3 /run/convoy/convoy.sock
0000000000000000: 00000003 00000000 00000000 0001 03 4
`
  t.strictSame(addressesInUse(sockets), ['/run/docker/plugins/convoy.sock'], 'a connection is no listener')
  t.strictSame(addressesInUse(''), [])
})

t.test('what is no socket at one of our addresses is foreign', async (t) => {
  // A path of a socket has 107 characters at most.
  const directory = mkdtempSync(join(tmpdir(), 'convoy-install-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  for (const folder of ['run/docker/plugins', 'run/convoy']) mkdirSync(join(directory, folder), { recursive: true })
  writeFileSync(join(directory, 'run/docker/plugins/convoy.sock'), 'notes')
  t.strictSame(foreignAddresses(directory), ['/run/docker/plugins/convoy.sock'])
  const server = createServer().listen(join(directory, 'run/convoy/convoy.sock'))
  await once(server, 'listening')
  t.strictSame(foreignAddresses(directory), ['/run/docker/plugins/convoy.sock'], 'systemd replaces a socket')
  server.close()
})
