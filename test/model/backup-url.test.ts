import fc from 'fast-check'
import t from 'tap'
import {
  type Destination,
  formatBackupUrl,
  formatDestination,
  parseBackupUrl,
  parseDestination,
} from '../../src/model/backup-url.js'

t.test('compat: the destinations of Convoy are read, with and without a slash at the end', async (t) => {
  const cases: readonly (readonly [string, Destination])[] = [
    ['vfs:///mnt/backups', { kind: 'vfs', path: '/mnt/backups' }],
    ['vfs:///mnt//backups/', { kind: 'vfs', path: '/mnt/backups' }],
    ['vfs:///a b%3Fc%25', { kind: 'vfs', path: '/a b?c%' }],
    ['s3://bucket@us-west-2/path/', { kind: 's3', bucket: 'bucket', region: 'us-west-2', prefix: 'path' }],
    ['s3://bucket@us-west-2/', { kind: 's3', bucket: 'bucket', region: 'us-west-2', prefix: '' }],
    ['s3://bucket@us-west-2', { kind: 's3', bucket: 'bucket', region: 'us-west-2', prefix: '' }],
    ['s3://my.bucket/a/b', { kind: 's3', bucket: 'my.bucket', prefix: 'a/b' }],
  ]
  for (const [text, destination] of cases) t.strictSame(parseDestination(text), destination, text)
})

t.test('what is no destination is refused, and the message says what to write', async (t) => {
  const cases: readonly (readonly [string, RegExp, RegExp])[] = [
    ['', /is not a destination/, /vfs:\/\/\/directory/],
    ['/mnt/backups', /is not a destination/, /vfs:\/\/\/directory/],
    ['vfs:/mnt', /is not a destination/, /vfs:\/\/\/directory/],
    ['vfs://mnt/backups', /no absolute directory/, /three slashes/],
    ['vfs://./backups', /no absolute directory/, /three slashes/],
    ['vfs:///mnt/../etc', /no absolute directory/, /\.\./],
    ['vfs:///mnt/%2e%2e/etc', /no absolute directory/, /\.\./],
    ['vfs:///mnt/%00', /no absolute directory/, /\.\./],
    ['vfs:///mnt/%zz', /begins no escape/, /%25/],
    ['vfs:///mnt#1', /a # in it/, /%23/],
    ['vfs:///mnt?region=x', /URL of one backup/, /after the \?/],
    ['ebs://us-west-2/snap-1', /another driver/, /vfs:/],
    ['gs://bucket/path', /kind of store that is not known, gs/, /s3:/],
    ['s3:///path', /names no bucket/, /bucket@region/],
    ['s3://a@b@c/path', /names no bucket/, /bucket@region/],
    ['s3://bu..ket/path', /names no bucket/, /bucket@region/],
    ['s3://bucket@re_gion/path', /names no region/, /eu-west-1/],
    ['s3://bucket/a/../b', /no folder/, /\.\./],
    ['s3://bucket//a', /no folder/, /empty/],
    ['s3://bucket/ä', /no folder/, /ASCII/],
    [`s3://bucket/${'x'.repeat(501)}`, /no folder/, /500/],
  ]
  for (const [text, message, hint] of cases)
    t.throws(() => parseDestination(text), { code: 'invalid-argument', message, hint }, text)
})

t.test('a password in a destination is refused without showing it', async (t) => {
  for (const text of ['s3://AKIA:geheim@bucket/path', 's3://geheim:9000/path'])
    t.throws(() => parseDestination(text), { code: 'invalid-argument', message: /^(?!.*geheim)/ })
})

t.test('compat: the & of a backup URL may have come through JSON or a shell', async (t) => {
  const expected = {
    destination: { kind: 's3', bucket: 'bucket', region: 'us-west-2', prefix: 'p' },
    volume: 'db',
    backup: 'backup-0123456789abcdef',
  }
  for (const and of ['&', '\\u0026', 'u0026']) {
    const url = `s3://bucket@us-west-2/p/?backup=backup-0123456789abcdef${and}volume=db`
    t.strictSame(parseBackupUrl(url), expected, url)
  }
  t.strictSame(parseBackupUrl('s3://bucket@us-west-2/p?volume=db&backup=backup-0123456789abcdef'), expected)
})

t.test('what is no backup URL is refused', async (t) => {
  const bad = [
    'vfs:///mnt',
    'vfs:///mnt?',
    'vfs:///mnt?backup=b',
    'vfs:///mnt?volume=v',
    'vfs:///mnt?backup=b&volume=v&backup=c',
    'vfs:///mnt?backup=b&volume=v&x=y',
    'vfs:///mnt?backup=../b&volume=v',
    'vfs:///mnt?backup=b&volume=a/b',
    'vfs:///mnt?backup=%&volume=v',
    'vfs:///mnt?backup=b&volume=v#',
    'vfs://mnt?backup=b&volume=v',
  ]
  for (const text of bad) t.throws(() => parseBackupUrl(text), { code: 'invalid-argument' }, text)
  t.throws(() => parseBackupUrl('ebs://us-west-2/snap-1'), { message: /another driver/ })
})

t.test('what is formatted is parsed to the same, whatever is in the path', async () => {
  const component = fc
    .string({ unit: 'binary', minLength: 1, maxLength: 20 })
    .map((text) => text.replace(/[/\p{C}]/gu, '_'))
  const path = fc.array(
    component.filter((text) => !/^\.\.?$/.test(text)),
    { minLength: 1, maxLength: 4 },
  )
  const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,20}$/)
  fc.assert(
    fc.property(path, name, name, (components, backup, volume) => {
      const url = formatBackupUrl({
        destination: { kind: 'vfs', path: `/${components.join('/')}` },
        // Matches the rule.
        volume: volume as never,
        backup,
      })
      const parsed = parseBackupUrl(url)
      if (formatBackupUrl(parsed) !== url) throw new Error(`${url} became ${formatBackupUrl(parsed)}`)
      if (parsed.destination.kind !== 'vfs' || parsed.destination.path !== `/${components.join('/')}`)
        throw new Error(`${url} leads elsewhere`)
    }),
  )
  for (const text of ['s3://bucket@us-west-2/a%25/b/', 's3://bucket/', 'vfs:///'])
    t.equal(formatDestination(parseDestination(text)), text)
})
