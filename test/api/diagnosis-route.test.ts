import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { ServedWorld } from './served-world.js'

t.test('GET /v1/diagnosis says how the daemon and its database are, and not what is in it', async (t) => {
  const served = await ServedWorld.start(t)
  await served.control('POST', '/v1/volumes', { name: 'private' })
  const { status, body } = await served.control('GET', '/v1/diagnosis')
  t.equal(status, 200)
  const newestRecordAt = served.world.clock.now().toISOString()
  t.match(body, {
    pid: process.pid,
    node: process.version,
    isComplete: true,
    database: { rows: { volumes: 1 } },
    newestRecordAt,
  })
  t.notMatch(JSON.stringify(body), 'private')
})

t.test('a daemon without a usable database says why in its diagnosis', async (t) => {
  const served = await ServedWorld.start(t, {
    damage: new ConvoyError('unavailable', 'the database is damaged', { hint: 'run convoy rebuild' }),
  })
  const { status, body } = await served.control('GET', '/v1/diagnosis')
  t.equal(status, 200)
  t.match(body, { degraded: 'the database is damaged (run convoy rebuild)', databaseError: /damaged/ })
})
