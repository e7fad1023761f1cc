import t from 'tap'
import { ebsDriverOptions, ebsVolumeOptions } from '../../../src/drivers/ebs/ebs-options.js'
import { parseOptions } from '../../../src/model/options.js'

const volume = (name: string, text: string) => parseOptions(ebsVolumeOptions, { [name]: text }, 'volume option')
const driver = (name: string, text: string) => parseOptions(ebsDriverOptions, { [name]: text }, 'option of driver ebs')
const refused = { code: 'invalid-argument' }

/** What no option with a form of its own may take. */
const injections = ['', ' ', 'x y', 'a\nb', '../x', '/dev/sda', '$(id)', ';', '*', '\u0000', 'x'.repeat(300)]

for (const [name, good, bad] of [
  [
    'id',
    ['vol-0123456789abcdef0', 'vol-01234567'],
    ['vol-', 'vol-0123456789ABCDEF0', 'vol-012345678', 'snap-01234567'],
  ],
  ['snapshotId', ['snap-0123456789abcdef0', 'snap-01234567'], ['snap-x', 'vol-0123456789abcdef0']],
  [
    'az',
    ['eu-west-1a', 'us-gov-west-1b', 'us-west-2-lax-1a', 'us-east-1-wl1-bos-wlz-1a'],
    ['eu-west-1', 'a', 'EU-WEST-1A'],
  ],
  ['kmsKeyId', ['alias/own', 'arn:aws:kms:eu-west-1:123456789012:key/0123-ab', 'mrk-01'], ["k'", 'k"', 'a,b']],
] as const)
  t.test(`${name} takes ids of its kind and nothing else`, async (t) => {
    for (const text of good) t.equal((volume(name, text) as Record<string, unknown>)[name], text)
    const wrong = [...bad, ...injections, `${good[0]}\n`, ` ${good[0]}`]
    for (const text of wrong.filter(
      (each) =>
        !(name === 'kmsKeyId' && /^[\w/.-]*$/.test(each) && each.length < 257 && each !== '' && !each.includes('.')),
    ))
      t.throws(
        () => volume(name, text),
        { ...refused, message: new RegExp(`^volume option ${name}: `) },
        JSON.stringify(text),
      )
  })

t.test('the region', async (t) => {
  for (const text of ['eu-west-1', 'us-gov-east-1', 'ap-southeast-2', 'mx-central-1'])
    t.equal(driver('region', text).region, text)
  for (const text of ['eu-west-1a', 'eu', 'EU-WEST-1', ...injections])
    t.throws(() => driver('region', text), refused, text)
})

t.test('the endpoint is the address of an API, without credentials, query or fragment', async (t) => {
  for (const text of [
    'http://127.0.0.1:4566',
    'http://[::1]:80',
    'https://vpce-01.ec2.eu-west-1.vpce.amazonaws.com/',
    'http://localhost/ec2',
  ])
    t.equal(driver('endpoint', text).endpoint, text)
  for (const text of [
    '127.0.0.1',
    'ftp://x',
    'file:///etc/passwd',
    'http://',
    'http://user:secret@x',
    'http://x?y',
    'http://x#y',
    'http://:99999',
    ...injections,
  ])
    t.throws(() => driver('endpoint', text), refused, text)
})

t.test('defaults are checked as the options are', async (t) => {
  t.match(parseOptions(ebsDriverOptions, {}, 'x'), {
    defaultvolumesize: 4 * 1024 ** 3,
    defaultvolumetype: 'gp3',
    defaultfstype: 'ext4',
  })
  for (const [name, text] of [
    ['defaultvolumesize', 'big'],
    ['defaultvolumetype', 'gp9'],
    ['defaultencrypted', 'maybe'],
    ['defaultkmskeyid', 'a key'],
    ['defaultfstype', 'btrfs'],
    ['fsfreeze', 'x'],
  ] as const)
    t.throws(() => driver(name, text), { ...refused, message: new RegExp(`ebs ${name}: `) })
})

t.test('owners and modes', async (t) => {
  t.match(volume('uid', '4294967294'), { uid: 4_294_967_294 })
  for (const text of ['4294967295', '-1', 'root', '1.0', '']) {
    t.throws(() => volume('uid', text), refused)
    t.throws(() => volume('gid', text), refused)
  }
  t.match(volume('mode', '0700'), { mode: 0o700 })
  t.match(volume('uid', '0'), { mode: 0o755 })
})
