import fc from 'fast-check'
import t from 'tap'
import { formatMountOptions } from '../../src/host/mount-options.js'

t.test('nosuid and nodev come last, where nothing overrules them', async (t) => {
  t.equal(formatMountOptions([]), 'nosuid,nodev')
  t.equal(formatMountOptions(['noatime', 'vers=4.2', 'defaults']), 'noatime,vers=4.2,defaults,nosuid,nodev')
})

t.test('options that do more than choose how the file system is mounted are refused', async (t) => {
  for (const option of [
    ...['suid', 'dev', 'SUID', 'Dev', 'user', 'users', 'user=root', 'owner', 'group'],
    ...['X-mount.mkdir', 'X-mount.subdir=a', 'x-systemd.automount', 'x-gvfs-show'],
    ...['helper=evil', 'uhelper=evil', 'loop', 'loop=0', 'offset=512', 'sizelimit=1', 'fd=3', 'journal_dev=0x801'],
    ...['context=system_u:object_r:x_t:s0', 'fscontext=a', 'defcontext=a', 'rootcontext=a'],
    ...['errors=panic', 'fatal_errors=panic', 'bg', 'bind', 'rbind', 'move', 'remount', 'rshared', 'private'],
  ]) {
    t.throws(() => formatMountOptions([option]), { code: 'invalid-argument', message: /refused/ }, option)
  }
})

t.test('options that people use are accepted', async (t) => {
  for (const option of [
    ...['ro', 'rw', 'noatime', 'discard', 'errors=remount-ro', 'data=ordered', 'nouuid', 'commit=30', 'noexec', 'sync'],
    ...['vers=4.1', 'nfsvers=3', 'hard', 'soft', 'timeo=600', 'retrans=2', 'rsize=1048576', 'noresvport', 'sec=krb5p'],
    ...['nolock', 'addr=fe80::1', 'clientaddr=10.0.0.1', 'nconnect=4', '_netdev', 'lookupcache=none', 'fg', 'uid=1000'],
  ]) {
    t.equal(formatMountOptions([option]), `${option},nosuid,nodev`)
  }
})

t.test('one option cannot be several, whatever it is', async (t) => {
  for (const option of [
    '',
    'a,suid',
    'a\nb',
    'a b',
    'a"b',
    "a'b",
    'a\0b',
    'a\\054suid',
    '-o',
    '=x',
    'a/b',
    'ä',
    'x'.repeat(300),
  ]) {
    t.throws(() => formatMountOptions([option]), { code: 'invalid-argument' }, JSON.stringify(option))
  }
  fc.assert(
    fc.property(fc.array(fc.string({ unit: 'binary' })), (options) => {
      const formatted = attempt(() => formatMountOptions(options))
      if (formatted === undefined) return true
      return formatted.split(',').length === options.length + 2 && formatted.endsWith('nosuid,nodev')
    }),
    { numRuns: 1000 },
  )
})

function attempt<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}
