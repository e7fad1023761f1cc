import t from 'tap'
import type { NotifyReport } from '../../src/core/notifications.js'
import { ConvoyError } from '../../src/errors.js'
import { ServedWorld } from './served-world.js'

const report: NotifyReport = {
  name: 'pager',
  kind: 'webhook',
  destination: 'https://x/…',
  types: ['job'],
  severity: 'info',
  state: 'failing',
  lastId: 7,
  pending: 2,
  hasMorePending: false,
  failingSince: '2026-01-01T00:00:00.000Z',
  lastError: 'answered 500',
  lastErrorAt: '2026-01-01T00:00:00.000Z',
}

t.test('the targets are listed, and tested by name or all at once', async (t) => {
  const asked: (readonly string[])[] = []
  const notifications = {
    list: async () => [report],
    test: async (names: readonly string[]) => {
      asked.push(names)
      if (names.includes('none')) throw new ConvoyError('not-found', 'there is no target "none"')
      return [{ target: 'pager', isDelivered: false, error: 'answered 500' }]
    },
  }
  const served = await ServedWorld.start(t, { api: { notifications } })
  t.strictSame(await served.control('GET', '/v1/notify'), { status: 200, body: [report] })
  const failed = [{ target: 'pager', isDelivered: false, error: 'answered 500' }]
  t.strictSame(await served.control('POST', '/v1/notify/test', {}), { status: 200, body: failed })
  t.strictSame(await served.control('POST', '/v1/notify/test', { targets: ['pager'] }), { status: 200, body: failed })
  t.match(await served.control('POST', '/v1/notify/test', { targets: ['none'] }), { status: 404 })
  for (const body of [{ targets: 'pager' }, { targets: [7] }, { target: ['pager'] }, []])
    t.match(await served.control('POST', '/v1/notify/test', body), { status: 400 }, JSON.stringify(body))
  t.strictSame(asked, [[], ['pager'], ['none']])
})
