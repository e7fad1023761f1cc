import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { requirements } from '../requirements.js'
import { ext4DiskNeeds, SmallDisk, smallDiskNeeds } from '../small-disk.js'
import type { DirectoryReport } from './directory-child.js'

const child = fileURLToPath(new URL('directory-child.js', import.meta.url))

function store(disk: SmallDisk, count: number, sizeBytes: number): DirectoryReport {
  // Its own program wrote it.
  return JSON.parse(disk.run(process.execPath, child, disk.path, String(count), String(sizeBytes))) as DirectoryReport
}

const disks = {
  tmpfs: {
    needs: smallDiskNeeds,
    make: (t: Parameters<typeof SmallDisk.mount>[0], path: string) =>
      SmallDisk.mount(t, path, '-t', 'tmpfs', '-o', 'size=8m', 'tmpfs'),
  },
  ext4: {
    needs: ext4DiskNeeds,
    make: (t: Parameters<typeof SmallDisk.ext4>[0], path: string) => SmallDisk.ext4(t, path),
  },
}

for (const [name, { needs, make }] of Object.entries(disks)) {
  t.test(
    `a full disk (${name}) fails a put, keeps what was stored, and takes more when there is room`,
    requirements(t, needs),
    async (t) => {
      const disk = await make(t, join(t.testdir(), 'disk'))
      const full = store(disk, 30, 2 ** 20)
      t.match(full.failure, {
        code: 'unavailable',
        sentence: /cannot store data\/ab\/\w+ in vfs:.*no space is left.*free some space/,
      })
      t.ok(full.stored.length >= 5, `${full.stored.length} were stored`)
      t.strictSame(full.listed, [...full.stored].sort())
      t.strictSame(full.damaged, [])
      const root = join(disk.path, 'convoy2/data/ab')
      t.equal(disk.run('ls', '-A', root).trim().split('\n').length, full.stored.length, 'nothing half is left')

      disk.run('rm', join(disk.path, 'convoy2', full.stored[0] ?? ''), join(disk.path, 'convoy2', full.stored[1] ?? ''))
      const again = store(disk, 1, 2 ** 20)
      t.equal(again.failure, undefined)
      t.equal(again.listed.length, full.stored.length - 1)
    },
  )

  t.test(`a disk (${name}) that is read-only is read, and says so to a put`, requirements(t, needs), async (t) => {
    const disk = await make(t, join(t.testdir(), 'disk'))
    const before = store(disk, 2, 1000)
    disk.run('mount', '-o', 'remount,ro', disk.path)
    const after = store(disk, 3, 1000)
    t.match(after.failure, { code: 'unavailable', sentence: /the file system is read-only.*remount/ })
    t.strictSame(after.listed, before.listed)
    t.strictSame(after.damaged, [])
  })
}
