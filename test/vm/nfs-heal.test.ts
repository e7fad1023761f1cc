import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { Lab } from './lab.js'
import { NfsWorld, nfsd, share } from './nfs-world.js'
import { Writer } from './nfs-writer.js'
import { guestRequirements } from './prerequisites.js'

const { timeout, skip } = guestRequirements(t)
t.setTimeout(2 * timeout)

const isSoak = process.env['CONVOY_SOAK'] === '1'
const pauseMs = isSoak ? 600_000 : 60_000

interface Outage {
  readonly name: string
  readonly begin: (world: NfsWorld) => Promise<unknown>
  readonly end: (world: NfsWorld) => Promise<unknown>
}

const outages: readonly Outage[] = [
  {
    name: 'its service is stopped and started',
    begin: ({ server }) => server.sh('rpc.nfsd 0'),
    end: ({ server }) => server.sh(nfsd),
  },
  {
    name: 'it moves to another address',
    begin: (world) => world.moveServer(),
    end: async () => undefined,
  },
  {
    name: 'its cable is pulled and plugged',
    begin: ({ server }) => server.pullCable(),
    end: ({ server }) => server.plugCable(),
  },
  {
    name: `it hangs for ${pauseMs / 60_000} min`,
    begin: async ({ server }) => server.freeze(),
    end: async ({ server }) => {
      await sleep(pauseMs)
      server.thaw()
    },
  },
  {
    name: 'it starts again with the same disk',
    begin: ({ server }) => server.kill(),
    end: (world) => world.rebootServer(),
  },
]

t.test(
  'NF01 NF12 NF23 what happens to a server, and who writes to a volume of it goes on',
  { skip, timeout: 2 * timeout },
  async (t) => {
    const world = await NfsWorld.open(Lab.open(t))
    const { client, convoy } = world
    await convoy.cli('create db')
    const writer = await Writer.start(client, (await convoy.cli('mount db')).trim())
    const daemon = await world.daemon()
    for (const outage of outages) {
      await t.test(outage.name, async (t) => {
        await writer.goesOn()
        await outage.begin(world)
        await writer.waits()
        t.match(await convoy.cli('ls -q'), /db/)
        t.match(await convoy.cli('inspect db'), /"db"/)
        await outage.end(world)
        await askForMore(world)
        await writer.goesOn()
      })
    }
    await writer.end(t, () => world.server.sh('sha256sum < /srv/export/db/log'))
    t.equal(await client.sh(`grep -c '^${share} ' /proc/mounts`), '1', 'it was never mounted twice')
    t.equal(await world.daemon(), daemon, 'the daemon is the same')
    await convoy.cli('umount db')
    t.equal(await convoy.cli('mount db').then((path) => client.sh(`head -n 1 ${path.trim()}/log`)), 'record 1')
    t.match(await convoy.log(), /its mounts follow/)
  },
)

/** A share is looked at when somebody needs it, and from then on until it answers. */
async function askForMore({ client, convoy }: NfsWorld): Promise<void> {
  const name = `other-${Date.now()}`
  const create = convoy.command(`create ${name}`)
  const { code } = await client.exec(`until ${create}; do sleep 2; done`, 400_000)
  if (code !== 0) throw new Error(`no volume could be made: ${await convoy.log()}`)
}
