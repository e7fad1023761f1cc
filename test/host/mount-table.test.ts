import fc from 'fast-check'
import t from 'tap'
import {
  countMounts,
  findMount,
  isBelow,
  isCopyOf,
  locate,
  parseMountTable,
  readMountTable,
  readSteadily,
  type MountEntry,
  withParent,
} from '../../src/host/mount-table.js'

interface Line {
  readonly id?: number
  readonly parent?: number
  readonly device?: string
  readonly root?: string
  readonly at: string
  readonly source?: string
}

const escapeField = (text: string) =>
  text.replace(/[ \t\n\\#]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`)

const line = ({ id = 1, parent = 0, device = '8:1', root = '/', at, source = '/dev/sda1' }: Line) =>
  `${id} ${parent} ${device} ${escapeField(root)} ${escapeField(at)} rw,relatime shared:1 - ext4 ${escapeField(source)} rw`

const table = (...lines: readonly Line[]) => parseMountTable(lines.map(line).join('\n') + '\n')

t.test('a line as proc(5) shows it', async (t) => {
  const text = '36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 propagate_from:2 - ext3 /dev/root rw,errors=continue\n'
  t.strictSame(parseMountTable(text), [
    {
      mountId: 36,
      parentId: 35,
      device: '98:0',
      root: '/mnt1',
      deleted: false,
      mountpoint: '/mnt2',
      options: ['rw', 'noatime'],
      fsType: 'ext3',
      source: '/dev/root',
      superOptions: ['rw', 'errors=continue'],
      masterGroup: 1,
    },
  ])
})

t.test('optional fields are optional, a source may be empty and a mountpoint be named "-"', async (t) => {
  const [plain, empty, dash] = parseMountTable(
    [
      '1 0 0:5 / /a rw - tmpfs tmpfs rw',
      '2 1 0:6 / /b rw shared:1 - tmpfs  rw,size=4k',
      '3 1 0:7 / /- rw - nfs - rw',
    ].join('\n'),
  )
  t.match(plain, { mountpoint: '/a', source: 'tmpfs', superOptions: ['rw'] })
  t.match(empty, { mountpoint: '/b', source: '', superOptions: ['rw', 'size=4k'] })
  t.match(dash, { mountpoint: '/-', fsType: 'nfs', source: '-' })
})

t.test('a removed directory keeps its path and is marked as deleted', async (t) => {
  const entries = table(
    { root: '/vols/a//deleted', at: '/x' },
    { root: '//deleted', at: '/y' },
    { root: '/deleted', at: '/z' },
  )
  t.match(entries, [
    { root: '/vols/a', deleted: true },
    { root: '/', deleted: true },
    { root: '/deleted', deleted: false },
  ])
})

t.test('what is escaped is read back, for any path and source', async (t) => {
  const component = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !/[/\0]/.test(text))
  const path = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => '/' + parts.join('/'))
  fc.assert(
    fc.property(path, path, fc.string({ unit: 'binary' }), (root, at, source) => {
      const [entry, ...others] = table({ root, at, source })
      return others.length === 0 && entry?.root === root && entry.mountpoint === at && entry.source === source
    }),
  )
  t.match(parseMountTable('1 0 8:1 /a\\040b /c\\011\\012\\134040 rw - ext4 /dev/x rw'), [
    { root: '/a b', mountpoint: '/c\t\n\\040' },
  ])
})

t.test('10^5 hostile lines are skipped or read, and never throw', async (t) => {
  const good = line({ at: '/good' })
  const piece = fc.oneof(
    fc.constantFrom(
      ' ',
      '-',
      ' - ',
      '/',
      '\\',
      '\\040',
      '\\777',
      '//deleted',
      '8:1',
      '36',
      '1e9',
      '-1',
      '\r',
      '\0',
      '__proto__',
    ),
    fc.string({ unit: 'binary' }),
    fc.constantFrom(...good.split(' ')),
  )
  const hostile = fc
    .array(piece, { maxLength: 14 })
    .chain((pieces) => fc.constantFrom(pieces.join(' '), pieces.join('')))
  let lines = 0
  fc.assert(
    fc.property(fc.array(hostile, { minLength: 1000, maxLength: 1000 }), (several) => {
      lines += several.length
      const entries = parseMountTable([...several, good].join('\n'))
      for (const path of ['/', '/good', '/a/b']) {
        findMount(entries, path)
        countMounts(entries, path)
      }
      return entries.some((entry) => entry.mountpoint === '/good') && entries.every(isWellFormed)
    }),
    { numRuns: 100 },
  )
  t.ok(lines >= 1e5)
})

function isWellFormed(entry: MountEntry): boolean {
  const { mountId, parentId, device, root, mountpoint } = entry
  const hasIds = Number.isSafeInteger(mountId) && Number.isSafeInteger(parentId)
  return hasIds && /^\d+:\d+$/.test(device) && mountpoint.startsWith('/') && root !== ''
}

t.test('a table cut anywhere gives whole entries only', async (t) => {
  const text = line({ id: 7, at: '/whole' }) + '\n' + line({ id: 8, at: '/cut' })
  const cuts = Array.from(text, (_, length) => parseMountTable(text.slice(0, length))).flat()
  t.ok(cuts.length > text.length / 2)
  t.ok(cuts.every((entry) => ['/whole', '/cut'].includes(entry.mountpoint) && entry.fsType !== ''))
})

t.test('mount check by substring: vol1 is not mounted because vol10 is', async (t) => {
  const entries = table({ id: 1, at: '/' }, { id: 2, parent: 1, at: '/convoy/vol10', device: '8:2' })
  t.equal(findMount(entries, '/convoy/vol1'), undefined)
  t.equal(findMount(entries, '/convoy/vol10')?.device, '8:2')
  t.equal(countMounts(entries, '/convoy/vol1'), 0)
  t.strictSame(locate(entries, '/convoy/vol1'), { device: '8:1', root: '/convoy/vol1' })
  t.notOk(isBelow('/convoy/vol10', '/convoy/vol1'))
  t.ok(isBelow('/convoy/vol1/x', '/convoy/vol1'))
})

t.test('a directory is below itself, its ancestors and nothing else', async (t) => {
  const name = fc.constantFrom('a', 'b', 'ab', 'a b')
  const path = fc.array(name, { maxLength: 4 }).map((names) => '/' + names.join('/'))
  const isExpected = fc.property(path, path, (one, other) => {
    const parts = (text: string) => text.split('/').filter((part) => part !== '')
    const expected = parts(other).every((part, index) => parts(one)[index] === part)
    return isBelow(one, other) === expected
  })
  t.doesNotThrow(() => fc.assert(isExpected, { numRuns: 1000 }))
})

t.test('of two mounts on one path the later one, which lies on the first, is found', async (t) => {
  const under = { id: 5, parent: 1, at: '/m', device: '8:5' }
  const over = { id: 4, parent: 5, at: '/m', device: '8:4' }
  for (const lines of [
    [under, over],
    [over, under],
  ]) {
    const entries = table({ id: 1, at: '/' }, ...lines)
    t.equal(findMount(entries, '/m')?.device, '8:4')
    t.equal(countMounts(entries, '/m'), 2)
    t.equal(locate(entries, '/m/x').device, '8:4')
  }
  const siblings = table({ id: 1, at: '/' }, { ...under, id: 6 }, { ...over, parent: 1 })
  t.equal(findMount(siblings, '/m')?.device, '8:4', 'the last of two that the kernel tucked under one parent')
})

t.test('a mount that another one hides is not found', async (t) => {
  const entries = table(
    { id: 1, at: '/' },
    { id: 2, parent: 1, at: '/m/inner', device: '8:2' },
    { id: 3, parent: 1, at: '/m', device: '8:3' },
  )
  t.equal(findMount(entries, '/m/inner'), undefined)
  t.strictSame(locate(entries, '/m/inner/x'), { device: '8:3', root: '/inner/x' })
})

t.test('the order of the table does not matter: the root mount may come last', async (t) => {
  const entries = table({ id: 22, parent: 27, at: '/proc', device: '0:21' }, { id: 27, parent: 1, at: '/' })
  t.strictSame(locate(entries, '/proc/self'), { device: '0:21', root: '/self' })
})

t.test('a path is located inside what is mounted there', async (t) => {
  const entries = table(
    { id: 1, at: '/' },
    { id: 2, parent: 1, device: '0:40', root: '/export/vols', at: '/mnt/share' },
  )
  t.strictSame(locate(entries, '/mnt/share'), { device: '0:40', root: '/export/vols' })
  t.strictSame(locate(entries, '/mnt/share/a/b'), { device: '0:40', root: '/export/vols/a/b' })
  t.strictSame(locate(entries, '/mnt/share/a/'), { device: '0:40', root: '/export/vols/a' })
  t.strictSame(locate(entries, '/'), { device: '8:1', root: '/' })
  t.strictSame(locate(entries, '/mnt'), { device: '8:1', root: '/mnt' })
  t.throws(() => locate([], '/mnt'), { code: 'internal' })
})

t.test('a view without its root mount, as below a chroot, is good for what it shows', async (t) => {
  const entries = table({ id: 2, parent: 1, at: '/a', device: '8:2' }, { id: 3, parent: 9, at: '/a/b', device: '8:3' })
  t.equal(locate(entries, '/a/b/c').device, '8:3')
  t.equal(locate(entries, '/a/c').device, '8:2')
  t.throws(() => locate(entries, '/c'), { code: 'internal' })
})

t.test('a table with circles ends', async (t) => {
  const entries = table(
    { id: 1, at: '/' },
    { id: 2, parent: 3, at: '/m' },
    { id: 3, parent: 2, at: '/m' },
    { id: 4, parent: 4, at: '/' },
  )
  t.ok(locate(entries, '/m/x'))
})

t.test('the table of this process has a root mount', async (t) => {
  t.match(findMount(await readMountTable(), '/proc'), { fsType: 'proc', device: /^0:\d+$/ })
})

t.test('a table that changes during the read is read again', async (t) => {
  const reads = ['a', 'ab', 'ab', 'never']
  t.equal(
    readSteadily(() => reads.shift() ?? ''),
    'ab',
  )
  let count = 0
  t.equal(
    readSteadily(() => String((count += 1))),
    String(count),
    'the newest when it never settles',
  )
  t.ok(count < 10)
})

t.test('a mount that the kernel made as a copy of ours is told from a mount that somebody made of it', async (t) => {
  const ours = parseMountTable(
    [
      '10 1 8:1 / / rw shared:1 - ext4 /dev/root rw',
      '20 10 259:1 / /var/mounts/pg rw shared:94 - ext4 /dev/nvme1n1 rw',
      '',
    ].join('\n'),
  )
  const own = withParent(ours[1]!, ours)!
  t.match(own, { entry: { peerGroup: 94 }, parent: { peerGroup: 1, mountpoint: '/' } })
  const isCopy = (...lines: readonly string[]) => {
    const entries = parseMountTable(`${lines.join('\n')}\n`)
    const found = withParent(
      entries.find(({ device }) => device === '259:1')!,
      entries,
    )
    return found !== undefined && isCopyOf(found, own)
  }
  const slave = '30 2 8:1 / / rw shared:5 master:1 - ext4 /dev/root rw'
  const copy = '40 30 259:1 / /var/mounts/pg rw shared:96 master:94 - ext4 /dev/nvme1n1 rw'
  t.ok(isCopy(slave, copy), 'as a service of systemd has it')
  t.ok(isCopy('30 2 8:1 / / rw shared:1 - ext4 /dev/root rw', copy), 'a peer')
  const host = '30 2 8:1 / /host rw master:1 - ext4 /dev/root rw'
  t.ok(isCopy(host, copy.replace('/var', '/host/var')), 'as a container with -v /:/host:rslave has it')
  const cut = '30 2 8:1 /var /host/var rw master:1 - ext4 /dev/root rw'
  t.ok(isCopy(cut, copy.replace('/var', '/host/var')), 'of a part of the host')
  const container = '30 2 0:50 / / rw - overlay overlay rw'
  t.notOk(isCopy(container, '40 30 259:1 /_data /data rw master:94 - ext4 /dev/nvme1n1 rw'), 'a volume of a container')
  t.notOk(isCopy(slave, copy.replace(' / /var', ' /_data /var')), 'another directory of it')
  t.notOk(isCopy(slave, copy.replace('/var/mounts/pg', '/mnt')), 'bound to another place')
  t.notOk(isCopy('30 2 8:1 / / rw - ext4 /dev/root rw', copy), 'nothing leads from us to a private namespace')
  t.notOk(isCopy('30 2 8:1 / / rw master:2 - ext4 /dev/root rw', copy), 'or from another group')
  t.notOk(isCopy('30 2 8:2 / / rw master:1 - ext4 /dev/sdb rw', copy), 'or on another file system')
  t.notOk(isCopy(copy), 'what it lies on is not to be seen')
  const [lonely] = parseMountTable('20 10 259:1 / /var/mounts/pg rw - ext4 /dev/nvme1n1 rw\n')
  const onPrivate = { entry: lonely!, parent: parseMountTable('10 1 8:1 / / rw - ext4 /dev/root rw\n')[0]! }
  t.notOk(isCopyOf({ entry: lonely!, parent: onPrivate.parent }, onPrivate), 'nothing comes from a private mount')
})
