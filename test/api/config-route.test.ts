import t from 'tap'
import type { ConfigReport } from '../../src/model/config-report.js'
import { ServedWorld } from './served-world.js'

t.test('GET /v1/config says what every option is set to, by whom, and what that overrides', async (t) => {
  const report: ConfigReport = {
    file: '/c.yaml',
    options: [
      { name: 'jobs', value: '3', source: '--jobs', overrides: [{ value: '2', source: 'CONVOY_JOBS' }] },
      { name: 'log', source: 'default', overrides: [] },
    ],
    profiles: { gold: { size: '1G' } },
    warnings: ['CONVOY_JOBBS'],
    needsRestart: ['root'],
  }
  const served = await ServedWorld.start(t, { api: { describeConfig: () => report } })
  const { status, body } = await served.control('GET', '/v1/config')
  t.equal(status, 200)
  t.strictSame(body, report)
})

t.test('what may change while the daemon runs is asked for each time', async (t) => {
  let needsRestart: readonly string[] = []
  const describeConfig = () => ({ options: [], profiles: {}, warnings: [], needsRestart })
  const served = await ServedWorld.start(t, { api: { describeConfig } })
  t.strictSame((await served.control('GET', '/v1/config')).body, describeConfig())
  needsRestart = ['name']
  t.match((await served.control('GET', '/v1/config')).body, { needsRestart: ['name'] })
})
