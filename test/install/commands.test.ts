import { spawnSync } from 'node:child_process'
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { unitNames } from '../../src/install/layout.js'
import { takeTurn } from '../../src/install/turn.js'

const program = fileURLToPath(new URL('../../program/install.js', import.meta.url))

/** The program that `npm run install:host` starts, on a host that is a directory. */
function hostOf(t: Test) {
  const directory = t.testdir()
  const run = (...args: readonly string[]) => {
    const command = ['-u', 'NODE_OPTIONS', process.execPath, program, ...args, '--destdir', directory]
    const { status, stdout, stderr } = spawnSync('/usr/bin/env', command, { encoding: 'utf8' })
    return { status, stdout, stderr }
  }
  return { run, at: (path: string) => join(directory, path) }
}

t.test('a dry run says everything and does nothing; then it is done', async (t) => {
  const { run, at } = hostOf(t)
  t.match(run('install', '--dry-run'), { status: 0, stdout: /link .*\/usr\/local\/bin\/convoy\nNothing was changed/ })
  t.notOk(existsSync(at('usr')))
  t.match(run('install'), { status: 0, stderr: '' })
  for (const name of unitNames) t.ok(existsSync(at(`etc/systemd/system/${name}`)), name)
  const service = readFileSync(at('etc/systemd/system/convoy.service'), 'utf8')
  t.match(service, `ExecStart=${process.execPath} /usr/local/lib/convoy/current/build/program/convoy.cjs daemon\n`)
  t.match(readFileSync(at('usr/local/share/bash-completion/completions/convoy'), 'utf8'), 'complete ')
  t.notOk(existsSync(at('etc/convoy/convoy.yaml')), 'the configuration is the user’s')
  t.match(run('install'), { status: 0, stdout: 'This release is installed already.\n' })

  const installed = spawnSync(process.execPath, [at('usr/local/lib/convoy/current/build/program/convoy.cjs')])
  t.not(installed.status, 0, 'links are those of the host, not of the directory')

  appendFileSync(at('etc/systemd/system/convoy.service'), '# mine\n')
  t.match(run('uninstall', '-n'), { status: 0, stdout: /keep .*convoy\.service \(it was changed by hand\)/ })
  t.match(run('uninstall'), { status: 0, stdout: /volumes are still there/ })
  t.notOk(existsSync(at('usr/local/bin/convoy')))
  t.match(run('uninstall'), { status: 1, stderr: /convoy is not installed in \/usr\/local\/lib\/convoy/ })
})

t.test('another prefix holds the program; without systemd there are no units, but what to start instead', async (t) => {
  const { run, at } = hostOf(t)
  const { status, stdout } = run('install', '--prefix', '/opt/convoy', '--no-systemd')
  t.equal(status, 0)
  t.match(stdout, `${process.execPath} /opt/convoy/lib/convoy/current/build/program/convoy.cjs daemon`)
  t.match(stdout, 'echo unix:///run/docker/plugins/convoy.sock > /etc/docker/plugins/convoy.spec')
  t.ok(existsSync(at('opt/convoy/share/man/man8/convoy.8')))
  t.notOk(existsSync(at('etc/systemd')))
})

t.test('what is foreign is in the way, and stays as it is', async (t) => {
  const { run, at } = hostOf(t)
  mkdirSync(at('etc/docker/plugins'), { recursive: true })
  writeFileSync(at('etc/docker/plugins/convoy.spec'), 'tcp://10.0.0.1:80')
  mkdirSync(at('usr/local/bin'), { recursive: true })
  writeFileSync(at('usr/local/bin/convoy'), 'the old program')
  t.match(run('install'), {
    status: 1,
    stdout: '',
    stderr: /in the way: \/usr\/local\/bin\/convoy, \/etc\/docker\/plugins\/convoy\.spec \(nothing was changed/,
  })
  t.notOk(existsSync(at('usr/local/lib')))
  t.equal(readFileSync(at('usr/local/bin/convoy'), 'utf8'), 'the old program')
})

t.test('compat: a .spec that leads to our control socket is no stranger', async (t) => {
  const { run, at } = hostOf(t)
  mkdirSync(at('etc/docker/plugins'), { recursive: true })
  writeFileSync(at('etc/docker/plugins/convoy.spec'), 'unix:///var/run/convoy/convoy.sock\n')
  t.match(run('install', '-n'), { status: 0 })
})

t.test('of two at once one waits for nothing and changes nothing', async (t) => {
  const { run, at } = hostOf(t)
  await takeTurn(at('usr/local/lib/convoy'))
  t.match(run('install'), { status: 1, stdout: '', stderr: /another process installs or uninstalls.*wait for its end/ })
  t.notOk(existsSync(at('usr')))
  t.match(run('install', '-n'), { status: 0 }, 'a dry run disturbs nobody')
})

t.test('flags that there are not are refused', async (t) => {
  const { run } = hostOf(t)
  t.match(run('install', '--prefx', '/x'), { status: 1, stderr: /unknown option '--prefx'/ })
})
