import t from 'tap'
import { ebsDriverOptions, ebsVolumeOptions } from '../../../src/drivers/ebs/ebs-options.js'
import { parseVolumeSpec } from '../../../src/drivers/ebs/volume-spec.js'
import { parseOptions } from '../../../src/model/options.js'
import type { Attributes } from '../../../src/model/volume.js'
import { requestFor } from '../../conformance/driver-world.js'
import { refusalOf, subjectOn, worldOf } from './ebs-subject.js'

const specOf = (options: Attributes, defaults: Attributes = {}) =>
  parseVolumeSpec(options, parseOptions(ebsDriverOptions, defaults, 'option of driver ebs'))

const gib = 1024 ** 3

t.test('without options it is what the defaults of the driver say', async (t) => {
  t.match(specOf({}), {
    disk: { type: 'gp3', sizeGib: 4 },
    fsType: 'ext4',
    owner: { uid: 0, gid: 0, mode: 0o755 },
    sizeBytes: undefined,
    tags: {},
  })
  const defaults = {
    defaultvolumesize: '7G',
    defaultvolumetype: 'gp2',
    defaultfstype: 'xfs',
    defaultkmskeyid: 'alias/own',
  }
  const { disk, fsType } = specOf({}, defaults)
  t.same(disk, { type: 'gp2', sizeGib: 7, isEncrypted: true, kmsKeyId: 'alias/own' })
  t.equal(fsType, 'xfs')
  t.same(specOf({ encrypted: 'false' }, defaults).disk, { type: 'gp2', sizeGib: 7, isEncrypted: false })
  t.same(specOf({ kmsKeyId: 'k' }, { defaultencrypted: 'false' }).disk.isEncrypted, true)
  t.equal(specOf({}, { defaultencrypted: 'true' }).disk.isEncrypted, true)
  t.equal(specOf({}).disk.isEncrypted, undefined, 'as the account has it set')
})

t.test('sizes are rounded up to GiB, and kept as they were asked for', async (t) => {
  t.match(specOf({ size: '1' }), { disk: { sizeGib: 1 }, sizeBytes: 1 })
  t.match(specOf({ size: '20G' }), { disk: { sizeGib: 20 }, sizeBytes: 20 * gib })
  t.equal(specOf({ size: String(20 * gib + 1) }).disk.sizeGib, 21)
})

t.test('a volume of a snapshot is as large as that, unless it says more', async (t) => {
  const snapshotId = 'snap-0123456789abcdef0'
  t.same(specOf({ snapshotId }).disk, { type: 'gp3', snapshotId })
  t.same(specOf({ snapshotId, size: '9G' }).disk, { type: 'gp3', sizeGib: 9, snapshotId })
})

for (const [options, figures] of [
  [
    { iops: '4000', throughput: '250', size: '20G' },
    { iops: 4000, throughput: 250 },
  ],
  [{ iops: '3000', size: '1G' }, { iops: 3000 }],
  [{ throughput: '750', size: '1G' }, { throughput: 750 }],
  [
    { size: '64T', iops: '80000', throughput: '2000' },
    { sizeGib: 65_536, iops: 80_000, throughput: 2000 },
  ],
  [{ type: 'io1', size: '4G', iops: '200' }, { iops: 200 }],
  [{ type: 'io2', size: '256G', iops: '256000' }, { iops: 256_000 }],
  [{ type: 'io2', size: '10G', iopsPerGB: '50' }, { iops: 500 }],
  [{ type: 'st1', size: '125G' }, { sizeGib: 125 }],
  [{ type: 'standard', size: '1T' }, { sizeGib: 1024 }],
] as const)
  t.test(`possible: ${JSON.stringify(options)}`, async (t) => {
    t.match(specOf(options).disk, figures)
  })

const snapshotId = 'snap-0123456789abcdef0'
const id = 'vol-0123456789abcdef0'

/** Options; the value, the rule, the way out. */
const impossible: readonly (readonly [Attributes, RegExp, RegExp])[] = [
  [{ size: '65T' }, /size=65 TiB .* gp3/, /from 1 GiB to 64 TiB/],
  [{ size: '17T', type: 'gp2' }, /size=17 TiB .* gp2/, /to 16 TiB/],
  [{ size: '2T', type: 'standard' }, /size=2 TiB .* standard/, /to 1 TiB/],
  [{ size: '3G', type: 'io1', iops: '100' }, /size=3 GiB .* io1/, /from 4 GiB/],
  [{ size: '124G', type: 'st1' }, /size=124 GiB .* st1/, /from 125 GiB/],
  [{ type: 'sc1' }, /size=4 GiB .* sc1/, /from 125 GiB/],
  [{ size: '20X' }, /size: "20X" is not a size/, /10G/],
  [{ type: 'gp4' }, /type: "gp4" is not one of gp3/, /./],
  [{ type: 'io1' }, /io1 needs iops/, /type=gp3/],
  [{ type: 'io2', size: '8G' }, /io2 needs iops/, /100 to 256000/],
  [{ iops: '2999', size: '100G' }, /iops=2999 .* gp3/, /from 3000 to 80000/],
  [{ iops: '80001', size: '1T' }, /iops=80001 .* gp3/, /to 80000/],
  [{ iops: '4000' }, /iops=4000 is too much for 4 GiB .* 500/, /size=8G, or iops=2000/],
  [{ type: 'io1', size: '4G', iops: '201' }, /iops=201 is too much for 4 GiB .* 50 /, /size=5G, or iops=200/],
  [{ type: 'io2', size: '4G', iops: '4001' }, /iops=4001 is too much/, /size=5G/],
  [{ type: 'io1', size: '8T', iops: '64001' }, /iops=64001/, /to 64000/],
  [{ type: 'gp2', iops: '300' }, /gp2 takes no iops/, /gp3, io1, io2/],
  [{ type: 'st1', size: '1T', iops: '300' }, /st1 takes no iops/, /gp3/],
  [{ type: 'gp2', iopsPerGB: '3' }, /gp2 takes no iops/, /gp3/],
  [{ iops: '3000', iopsPerGB: '3', size: '1000G' }, /iops and iopsPerGB/, /one of them/],
  [{ snapshotId, iopsPerGB: '3' }, /iopsPerGB needs a size/, /give size/],
  [{ iops: '0' }, /iops: "0"/, /./],
  [{ iops: '3e3' }, /iops: "3e3"/, /./],
  [{ throughput: '124' }, /throughput=124/, /from 125 to 2000/],
  [{ throughput: '2001', iops: '9000', size: '1T' }, /throughput=2001/, /to 2000/],
  [{ throughput: '751' }, /throughput=751 .* 3000 iops/, /iops=3004/],
  [{ throughput: '250', type: 'gp2' }, /gp2 takes no throughput/, /gp3/],
  [{ throughput: '250', type: 'io2', iops: '1000' }, /io2 takes no throughput/, /gp3/],
  [{ encrypted: 'false', kmsKeyId: 'k' }, /kmsKeyId is the key of an encrypted volume/, /encrypted=false/],
  [{ encrypted: 'maybe' }, /encrypted: "maybe"/, /./],
  [{ kmsKeyId: 'a key' }, /kmsKeyId: "a key"/, /alias\/NAME/],
  [{ id, size: '20G' }, /size is for new volumes/, /leave out size/],
  [{ id, type: 'gp3' }, /type is for new/, /leave out type/],
  [{ id, iops: '3000' }, /iops is for new/, /leave out/],
  [{ id, iopsPerGB: '30' }, /iopsPerGB is for new/, /leave out/],
  [{ id, throughput: '125' }, /throughput is for new/, /leave out/],
  [{ id, encrypted: 'true' }, /encrypted is for new/, /leave out/],
  [{ id, encryptionKey: 'k' }, /kmsKeyId is for new/, /leave out/],
  [{ id, snapshotId }, /snapshotId is for new/, /leave out/],
  [{ id, fstype: 'ext4' }, /fsType is for new/, /what is on it/],
  [{ id, mkfsOptions: '-m 0' }, /mkfsOptions is for new/, /what is on it/],
  [{ id, uid: '1' }, /uid is for new/, /leave out/],
  [{ id, gid: '1' }, /gid is for new/, /leave out/],
  [{ id, mode: '0700' }, /mode is for new/, /leave out/],
  [{ id, az: 'eu-west-1a' }, /az is for new/, /leave out/],
  [{ id, tags: 'a=b' }, /tags is for new/, /leave out/],
  [{ id, 'tag.a': 'b' }, /tag\.a is for new/, /leave out/],
  [{ id, ebs_tag_a: 'b' }, /tag\.a is for new/, /leave out/],
  [{ snapshotId, fsType: 'xfs' }, /fsType is for new file systems/, /as it is/],
  [{ snapshotId, mkfsOptions: '-m 0' }, /mkfsOptions is for new file systems/, /as it is/],
  [{ snapshotId, uid: '1' }, /uid is for new file systems/, /as it is/],
  [{ snapshotId, gid: '1' }, /gid is for new file systems/, /as it is/],
  [{ snapshotId, mode: '0700' }, /mode is for new file systems/, /as it is/],
  [{ id: '/dev/sda' }, /id: "\/dev\/sda"/, /vol-0123456789abcdef0/],
  [{ snapshotId: 'vol-0123456789abcdef0' }, /snapshotId: "vol-/, /snap-/],
  [{ az: 'eu-west-1' }, /az: "eu-west-1"/, /eu-west-1a/],
  [{ az: 'us-east-1a' }, /zone us-east-1a is not in eu-west-1/, /leave out az/],
  [{ fsType: 'btrfs' }, /fsType: "btrfs" is not one of ext4, xfs/, /./],
  [{ fsType: 'xfs', mode: '1777' }, /mode=1777 .*fsType=xfs/, /mode=0777 .*fsType=ext4/],
  [{ fsType: 'xfs', mountOptions: 'commit=30' }, /commit=30" is not one of xfs/, /./],
  [{ mountOptions: 'inode64' }, /inode64" is not one of ext4/, /./],
  [{ mkfsOptions: '-m crc=1' }, /"-m crc=1" are not for ext4/, /./],
  [{ fsType: 'xfs', mkfsOptions: '-N 1000' }, /"-N 1000" are not for xfs/, /./],
  [{ mode: '999' }, /mode: "999"/, /0755/],
  [{ uid: '-1' }, /uid: "-1"/, /./],
  [{ uid: '4294967295' }, /uid: "4294967295"/, /./],
  [{ multiAttach: 'true', type: 'io2', iops: '100' }, /unknown volume option "multiAttach"/, /./],
  [{ device: '/dev/sda' }, /unknown volume option "device"/, /./],
  [{ size: '20G', Size: '10G' }, /Size is the same as size/, /./],
  [{ 'tag.a': '1', ebs_tag_a: '2' }, /ebs_tag_a is the same as tag\.a/, /./],
  [{ tags: 'a=1', 'tag.a': '2' }, /tag "a" is given twice/, /once/],
]

t.test(
  'EB22 S12 what cannot be is refused before EC2 is asked anything, with the value, the rule and the way out',
  async (t) => {
    const world = worldOf(t)
    const host = world.addHost('host-1')
    const subject = subjectOn(host)
    for (const [options, words, wayOut] of impossible) {
      const title = JSON.stringify(options)
      const refusal = await refusalOf(subject.create(requestFor('db', { options })))
      t.equal(refusal.code, 'invalid-argument', title)
      t.match(refusal.message, words, title)
      // The rule itself may say enough.
      if (wayOut.source !== '.') t.match(refusal.hint, wayOut, title)
    }
    t.equal(host.api?.calls.size, 0)
    t.same(world.cloud.volumes(), [])
  },
)

t.test('options of today under the names of others, alone and at once', async (t) => {
  for (const [old, today, text] of [
    ['Size', 'size', '10G'],
    ['volumeType', 'type', 'gp2'],
    ['volumetype', 'type', 'gp2'],
    ['ebstype', 'type', 'gp2'],
    ['IOPS', 'iops', '3000'],
    ['encryptionKey', 'kmsKeyId', 'alias/a'],
    ['fstype', 'fsType', 'xfs'],
    ['volumeId', 'id', id],
    ['volumeID', 'id', id],
    ['snapshotID', 'snapshotId', snapshotId],
    ['availabilityZone', 'az', 'eu-west-1b'],
    ['ebs_tag_a', 'tag.a', 'b'],
  ] as const) {
    t.same(specOf({ [old]: text }), specOf({ [today]: text }), old)
    t.ok(parseOptions(ebsVolumeOptions, { [old]: text }, 'volume option'), 'core knows it')
    for (const options of [
      { [old]: text, [today]: text },
      { [today]: text, [old]: text },
    ])
      t.throws(() => specOf(options), { code: 'invalid-argument', message: /the same as/ }, old)
  }
  t.throws(() => specOf({ ebstype: 'gp2', volumetype: 'gp2' }), { message: /the same as type/ })
})

t.test('a profile means nothing here, and is no unknown option', async (t) => {
  t.same(specOf({ profile: 'gold', size: '10G' }), specOf({ size: '10G' }))
})

t.test('tags are given in both ways', async (t) => {
  t.same(specOf({ tags: 'a=1,b=2', 'tag.c': '3,4', ebs_tag_d: '5' }).tags, { a: '1', b: '2', c: '3,4', d: '5' })
})

t.test(
  'which file system an existing disk has is not known yet: its mount options are checked at attach',
  async (t) => {
    t.same(specOf({ id, mountOptions: 'inode64' }).mountOptions, ['inode64'])
    t.same(specOf({ snapshotId, mountOptions: 'inode64' }).mountOptions, ['inode64'])
  },
)

t.test('the sticky bit is for ext4', async (t) => {
  t.equal(specOf({ mode: '1777' }).owner.mode, 0o1777)
  t.equal(specOf({ mode: '2775', fsType: 'xfs' }).owner.mode, 0o2775)
  t.throws(() => specOf({ mode: '3777' }, { defaultfstype: 'xfs' }), { code: 'invalid-argument' })
})

t.test('a volume smaller than its snapshot, or of an unknown one, is refused in EC2’s words', async (t) => {
  const world = worldOf(t)
  world.cloud.snapshots.set(snapshotId, { id: snapshotId, sizeGib: 10, isEncrypted: false })
  const subject = subjectOn(world.addHost('host-1'))
  const small = await refusalOf(subject.create(requestFor('db', { options: { snapshotId, size: '5G' } })))
  t.match(small, { code: 'invalid-argument', message: /smaller.*10 GiB/ })
  const unknown = await refusalOf(
    subject.create(requestFor('db', { options: { snapshotId: 'snap-00000000000000000' } })),
  )
  t.match(unknown, { code: 'not-found', message: /snap-00000000000000000/ })
  const { handle } = await subject.create(requestFor('db', { options: { snapshotId } }))
  t.match(handle.attributes, { snapshot: snapshotId, subdirectory: '' })
  t.equal(subject.call(handle).journal.notes['disk'], 'snapshot', 'never to be formatted')
})
