import { readFile, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { engineSuite, eventually, type Lab } from './harness.js'
import { onConvoy } from './mount-arguments.js'
import type { NamespaceProcess } from './namespace-process.js'
import { sourceFile } from './prerequisites.js'

engineSuite('a daemon with inherited sockets', (t, lab) => {
  const { engine, convoy } = lab
  let holder: NamespaceProcess

  t.test('it serves on sockets that another process holds', async (t) => {
    await convoy.stop()
    holder = await startHolder(lab)
    await convoy.untilItAnswers()
    await engine.runInBackground('tenant', ...onConvoy('held'))
    t.equal(await convoy.mountCount('held'), 1)
    t.type(await convoy.cli('list'), 'object')
  })

  for (const signal of ['SIGTERM', 'SIGKILL'] as const)
    t.test(`DK17 while it is down after ${signal}, requests wait and none is retried`, async (t) => {
      await engine.runInBackground('tenant', ...onConvoy('held'))
      await endDaemon(holder, signal)
      const run = engine.tryRun('--rm', ...onConvoy(`waited-${signal}`), 'busybox', 'sh', '-c', 'echo ran')
      const list = engine.tryDocker('volume', 'ls')
      await sleep(2000)
      await startDaemon(lab)
      t.match(await run, { exitCode: 0, stdout: 'ran' })
      t.match(await list, { exitCode: 0 })
      t.equal(await convoy.mountCount('held'), 1)
      t.notMatch(await lab.namespace.run('cat', lab.namespace.log('dockerd')), /Unable to connect to plugin/)
    })

  t.test('an engine that starts before the daemon waits for it and keeps the labels', async (t) => {
    await engine.docker('volume', 'create', '-d', 'convoy', '--label', 'keep=me', 'labelled')
    await engine.stop()
    await endDaemon(holder, 'SIGKILL')
    const starting = engine.start()
    await sleep(2000)
    await startDaemon(lab)
    await starting
    t.match((await engine.inspectVolume('labelled')).Labels, { keep: 'me' })
  })
})

async function startHolder({ namespace, convoy }: Lab): Promise<NamespaceProcess> {
  const sockets = ['/run/docker/plugins/convoy.sock', '/run/convoy/convoy.sock']
  const command = [
    '/usr/bin/python3',
    sourceFile('socket-holder.py'),
    ...sockets,
    namespace.path('start-again'),
    ...convoy.command,
  ]
  return await namespace.start('convoy', command)
}

async function endDaemon(holder: NamespaceProcess, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
  const pid = await onlyChild(holder.pid)
  if (pid === undefined) throw new Error('the daemon does not run')
  process.kill(pid, signal)
  await eventually('the daemon has ended', async () => (await onlyChild(holder.pid)) === undefined)
}

async function startDaemon({ namespace, convoy }: Lab): Promise<void> {
  await writeFile(namespace.path('start-again'), '')
  await convoy.plugin.list()
}

async function onlyChild(pid: number): Promise<number | undefined> {
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
  return children === '' ? undefined : Number.parseInt(children, 10)
}
