import t from 'tap'
import { withTodaysNames } from '../../../src/drivers/vfs/old-share-options.js'

t.test('compat: the options of Rancher’s NFS driver say the same in other words', (t) => {
  const same = (old: Record<string, string>, today: Record<string, string>) => t.same(withTodaysNames(old), today)
  same({ size: '1g', share: 'nas:/a' }, { size: '1g', share: 'nas:/a' })
  same({ host: 'nas', exportBase: '/srv/volumes' }, { share: 'nas:/srv/volumes' })
  same({ host: 'nas', export: '/srv/volumes/db' }, { share: 'nas:/srv/volumes', id: 'db' })
  same({ host: 'nas', exportBase: '/srv', mntOptions: 'soft' }, { share: 'nas:/srv', mountoptions: 'soft' })
  for (const half of [{ host: 'nas' }, { exportBase: '/srv' }, { host: 'nas', exportBase: '/srv', share: 'nas:/a' }]) {
    t.throws(() => withTodaysNames(half), { code: 'invalid-argument', hint: /share=SERVER/ })
  }
  t.end()
})
