import t from 'tap'
import { findMissingMount, parseFstab, readFstab } from '../../src/host/fstab.js'
import { parseMountTable } from '../../src/host/mount-table.js'

const text = `
# comment
UUID=1234 / ext4 defaults 0 1
/dev/sdb1 none swap sw 0 0
10.0.0.5:/exports  /nfs  nfs  _netdev,hard 0 0
nas:/a\\040b /mnt/a\\040b/ nfs4 defaults
/dev/sdc1 /media/stick auto noauto,user 0 0
half
`

t.test('what is to be mounted at boot, with names as they are', (t) => {
  t.same(parseFstab(text), [
    { source: '10.0.0.5:/exports', mountpoint: '/nfs' },
    { source: 'nas:/a b', mountpoint: '/mnt/a b' },
  ])
  t.same(readFstab('/nowhere/fstab'), [])
  t.ok(Array.isArray(readFstab()))
  t.end()
})

t.test('a path below a mount that is not there is found out, and nothing else', (t) => {
  const root = '21 1 8:1 / / rw - ext4 /dev/sda1 rw'
  const share = '30 21 0:50 / /nfs rw - nfs4 10.0.0.5:/exports rw'
  const below = '31 30 8:17 / /nfs/fast rw - ext4 /dev/sdd1 rw'
  const missing = (path: string, ...lines: readonly string[]) =>
    findMissingMount(path, { expected: parseFstab(text), mounted: parseMountTable([root, ...lines].join('\n')) })
  t.match(missing('/nfs'), { source: '10.0.0.5:/exports' })
  t.match(missing('/nfs/volumes'), { mountpoint: '/nfs' })
  for (const path of ['/nfs', '/nfs/volumes']) t.equal(missing(path, share), undefined)
  t.equal(missing('/nfs/fast/volumes', share, below), undefined)
  t.equal(missing('/nfs2'), undefined)
  t.equal(missing('/media/stick/volumes'), undefined, 'whoever mounts it by hand may not')
  t.equal(missing('/srv'), undefined)
  t.end()
})
