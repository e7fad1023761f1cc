import t from 'tap'
import { mountedShares } from '../../src/install/mounted-shares.js'

t.test('the shares that daemons have mounted are known by where they are, and nothing else is', async (t) => {
  const line = (mountpoint: string) => `101 28 0:52 / ${mountpoint} rw,nosuid,nodev - nfs4 nas:/exports rw`
  const ours = ['/var/lib/convoy/shares/0123456789ab', '/var/lib/convoy-convoy-nfs/shares/0123456789ab']
  const others = [
    '/nfs',
    '/var/lib/convoy/shares/mine',
    '/var/lib/convoy/mounts/db',
    '/srv/var/lib/convoy/shares/0123456789ab',
    '/var/lib/convoy/shares/0123456789ab/below',
  ]
  t.same(mountedShares(`${[...others, ...ours].map(line).join('\n')}\n`), ours)
})
