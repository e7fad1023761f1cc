import { readdirSync, readFileSync, renameSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { engineSuite } from './harness.js'
import { onConvoy } from './mount-arguments.js'

/** Cases that wait for the deadlines of daemon and engine: minutes each. */
const isSoak = process.env['CONVOY_SOAK'] === '1'

engineSuite('a storage that is slow, or away for a while', (t, { engine, convoy, version }) => {
  const away = `${convoy.volumesDirectory}-away`

  t.test('a storage that comes back within the minute costs the container nothing but the time', async (t) => {
    await convoy.plugin.create('patient')
    renameSync(convoy.volumesDirectory, away)
    const running = engine.run('--rm', ...onConvoy('patient'), 'busybox', 'sh', '-c', 'echo kept > /data/f')
    await sleep(3000)
    renameSync(away, convoy.volumesDirectory)
    await running
    t.equal(readFileSync(convoy.volumePath('patient', 'f'), 'utf8'), 'kept\n')
    t.equal(await convoy.mountCount('patient'), 0)
  })

  t.test('a create while the storage is away is refused and leaves nothing', async (t) => {
    renameSync(convoy.volumesDirectory, away)
    const refused = await engine.tryDocker('volume', 'create', '--driver', 'convoy', 'early')
    renameSync(away, convoy.volumesDirectory)
    t.not(refused.exitCode, 0)
    t.match(refused.stderr, /is not there.*mount the disk/s)
    t.equal((await convoy.plugin.list()).filter(({ Name }) => Name === 'early').length, 0)
    t.notOk(convoy.holdsData('early'))
    await engine.docker('volume', 'create', '--driver', 'convoy', 'early')
    t.ok(convoy.holdsData('early'))
  })

  if (!isSoak) return

  t.test('a storage that stays away fails the run before the engine gives up, and nothing is left of it', async (t) => {
    await convoy.plugin.create('hopeless')
    renameSync(convoy.volumesDirectory, away)
    const run = await engine.tryRun('--rm', ...onConvoy('hopeless'), 'busybox', 'true')
    t.not(run.exitCode, 0)
    t.match(run.stderr, /hopeless/)
    t.notMatch(run.stderr, /context deadline exceeded|Client\.Timeout/, `the daemon answered Docker ${version} in time`)
    t.equal(await convoy.mountCount('hopeless'), 0)
    renameSync(away, convoy.volumesDirectory)
    await engine.run('--rm', ...onConvoy('hopeless'), 'busybox', 'true')
    t.equal(await convoy.mountCount('hopeless'), 0)
  })

  t.test('a create on a storage that hangs fails, and the volume is absent or whole afterwards', async (t) => {
    await convoy.plugin.create('before')
    for (const child of childrenOf(convoy.process.pid)) process.kill(child, 'SIGSTOP')
    const created = await engine.tryDocker('volume', 'create', '--driver', 'convoy', 'halting')
    t.not(created.exitCode, 0)
    t.match(created.stderr, /does not answer/)
    const isListed = (await convoy.plugin.list()).some(({ Name }) => Name === 'halting')
    t.equal(convoy.holdsData('halting'), isListed)
    await engine.run('--rm', ...onConvoy('halting'), 'busybox', 'true')
  })
})

function childrenOf(pid: number): readonly number[] {
  return readdirSync(`/proc/${pid}/task`)
    .flatMap((thread) => readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' '))
    .filter(Boolean)
    .map(Number)
}
