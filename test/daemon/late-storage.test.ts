import { existsSync, renameSync } from 'node:fs'
import t, { type Test } from 'tap'
import { eventually } from '../engine/polling.js'
import { convoy } from './convoy-command.js'
import { DaemonProcess } from './daemon-process.js'

/** A daemon that knows a volume, whose storage was away when it started. */
async function startedWithout(t: Test) {
  const daemon = await new DaemonProcess(t).start()
  await daemon.plugin.create('db')
  await daemon.stop()
  const away = `${daemon.volumes}-away`
  renameSync(daemon.volumes, away)
  await daemon.start()
  return { daemon, come: () => renameSync(away, daemon.volumes) }
}

t.test('a mount waits for a storage that is late, and everything else is answered meanwhile', async (t) => {
  const { daemon, come } = await startedWithout(t)
  let isMounted = false
  const mounting = daemon.plugin.mount('db', 'a1').finally(() => (isMounted = true))
  await eventually('the mount waits', () => daemon.output.includes('waiting for it'))
  t.match(await daemon.plugin.get('db'), { Volume: { Name: 'db' }, Err: undefined })
  t.strictSame(
    (await daemon.plugin.list()).map(({ Name }) => Name),
    ['db'],
  )
  t.match(await daemon.plugin.create('new'), { Err: /is not there.*mount the disk/ }, 'whoever types is told at once')
  t.match(await daemon.plugin.get('new'), { Err: /no such volume/ }, 'and nothing of it is left')
  t.notOk(isMounted)
  t.notOk(existsSync(daemon.volumes), 'the directory is not made')
  come()
  t.match(await mounting, { Mountpoint: daemon.volume('db'), Err: undefined })
  t.match(await daemon.plugin.create('new'), { Err: undefined })
})

t.test('info, doctor and events say that the storage is not there, until it is', async (t) => {
  const { daemon, come } = await startedWithout(t)
  const info = async () =>
    JSON.parse((await convoy(['info', '-s', daemon.controlSocket])).out) as { readonly vfs: object }
  await eventually('it has looked', async () => 'Unavailable' in (await info()).vfs)
  t.match((await info()).vfs, { Unavailable: /is not there \(mount the disk/ })
  const storage = async () => {
    const { out } = await convoy(['doctor', '--json', '-s', daemon.controlSocket])
    const { findings } = JSON.parse(out) as { readonly findings: readonly { readonly check: string }[] }
    return findings.filter(({ check }) => check === 'storage')
  }
  t.match(await storage(), [{ severity: 'error', what: /driver vfs is not there/ }])
  t.equal((await daemon.control('GET', '/readyz')).status, 200, 'the daemon itself is well')
  come()
  await eventually('it is found without being asked for', async () => !('Unavailable' in (await info()).vfs))
  t.strictSame(await storage(), [])
  const { out } = await convoy([
    'events',
    '--since',
    '1h',
    '--no-follow',
    '--type',
    'driver',
    '-s',
    daemon.controlSocket,
  ])
  t.match(out, /driver\.unavailable[^]*driver\.available/)
})

t.test(
  'volumes of a storage that is late are found when it comes, by a daemon that has lost its database, too',
  async (t) => {
    const daemon = await new DaemonProcess(t).start()
    await daemon.plugin.create('db')
    await daemon.stop()
    const away = `${daemon.volumes}-away`
    renameSync(daemon.volumes, away)
    renameSync(daemon.root, `${daemon.root}-lost`)
    await daemon.start({ isIncomplete: true })
    const get = daemon.plugin.get('db')
    renameSync(away, daemon.volumes)
    t.match(await get, { Volume: { Name: 'db' } })
  },
)
