import t from 'tap'
import { ShareHealth } from '../../../src/drivers/vfs/share-health.js'
import { ConvoyError } from '../../../src/errors.js'
import { minuteMs } from '../../fakes/fake-clock.js'
import { FakeTime } from './fake-time.js'

const silence = () => Promise.reject(new ConvoyError('unavailable', 'no answer'))

t.test('silence counts from its first moment, and one look at a time is to come', async (t) => {
  const time = new FakeTime()
  const health = new ShareHealth({ storage: 'nas:/a', probe: silence, ...time.clock })
  t.equal(health.downForMs, undefined)
  for (const ms of [0, 4 * minuteMs, 11 * minuteMs]) {
    time.ms = ms
    await t.rejects(health.watch(silence))
    t.equal(health.downForMs, ms)
    t.equal(time.timer?.ms, 5000)
  }
  t.match(health.longDown, { message: 'nas:/a has not answered for 11 minutes' })
  await health.watch(() => Promise.resolve())
  t.equal(health.downForMs, undefined)
  t.equal(time.timer, undefined, 'and no look is to come')
})
