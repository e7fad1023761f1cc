import t from 'tap'
import { named } from '../fakes/world.js'
import { ServedWorld } from './served-world.js'

t.test('GET /v1/inventory says which disks there are, and nothing where volumes are no disks', async (t) => {
  const plain = await ServedWorld.start(t)
  t.same((await plain.control('GET', '/v1/inventory')).body, { disks: [], failures: [] })
  const own = { storageId: 'vol-1', state: 'live', sizeBytes: 5, isOfThisHost: true, isAttachedHere: true } as const
  const disk = { name: named('db'), id: 'an-id', ...own, defect: 'in the state error' }
  const served = await ServedWorld.start(t, {
    decorate: (driver) => Object.assign(driver, driver.name === 'directory' ? {} : { survey: async () => [disk] }),
  })
  const known = { isKnown: false, isNameTaken: false, isIdle: true }
  const { status, body } = await served.control('GET', '/v1/inventory')
  t.equal(status, 200)
  t.strictSame(body, { disks: [{ driver: 'filesystem', ...disk, ...known }], failures: [] })
})
