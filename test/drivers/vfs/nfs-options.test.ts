import t from 'tap'
import type { ConvoyError } from '../../../src/errors.js'
import {
  checkMountOptions,
  efsMountOptions,
  nfsMountOptions,
  parseMountOptions,
} from '../../../src/drivers/vfs/nfs-options.js'

const parse = (text: string) => parseMountOptions(text, nfsMountOptions)
const parseForEfs = (text: string) => parseMountOptions(text, efsMountOptions)

t.test('nothing given: hard, and each version in its turn, newest first', (t) => {
  t.same(parse(''), { options: ['hard'], versions: ['4.2', '4.1', '4', '3'] })
  t.same(parse('defaults'), parse(''))
  t.end()
})

t.test('a version that is given is the only one that is tried', (t) => {
  t.same(parse('nfsvers=4.1,proto=tcp'), { options: ['hard', 'proto=tcp'], versions: ['4.1'] })
  t.same(parse('vers=3,nolock').versions, ['3'])
  t.same(parse('nfsvers=4,vers=4').versions, ['4'])
  t.throws(() => parse('nfsvers=4,vers=3'), { code: 'invalid-argument', message: /4 and 3/ })
  t.end()
})

t.test('who says soft gets it, and hard is not added', (t) => {
  t.same(parse('soft,timeo=30,retrans=1').options, ['soft', 'timeo=30', 'retrans=1'])
  t.same(parse('hard,timeo=600').options, ['hard', 'timeo=600'])
  t.end()
})

const refusals: Readonly<Record<string, RegExp>> = {
  suid: /would be root here/,
  dev: /own the disks/,
  ro: /-v name:\/path:ro/,
  bg: /waits for a server by itself/,
  udp: /corrupts data/,
  'addr=10.0.0.5': /SERVER:\/EXPORT/,
  'context=system_u:object_r:x': /allowed are/,
  nfsver: /did you mean nfsvers\?/,
  tls: /efs=fs-/,
  constructor: /allowed are/,
  'X-mount.mkdir': /allowed are/,
}

for (const [word, hint] of Object.entries(refusals))
  t.test(`${word} is refused by name, with what to do`, (t) => {
    const refusal = { code: 'invalid-argument', message: new RegExp(word.replace(/[.]/g, '\\.')), hint }
    t.throws(() => parse(`hard,${word}`), refusal)
    t.end()
  })

for (const word of [
  'timeo',
  'timeo=',
  'timeo=x',
  'timeo=1=2',
  'hard=1',
  'nfsvers=5',
  'sec=none',
  'port=99999999',
  'nconnect=17',
])
  t.test(`${word} is no value`, (t) => {
    t.throws(() => parse(word), { code: 'invalid-argument', message: /value/ })
    t.end()
  })

t.test('EFS is mounted as AWS recommends; what is given takes the place of that', (t) => {
  const usual = ['hard', 'timeo=600', 'retrans=2', 'rsize=1048576', 'wsize=1048576', 'noresvport']
  t.same(parseForEfs(''), { options: usual, versions: ['4.1'] })
  t.same(parseForEfs('soft,timeo=100,nfsvers=4').options, [...usual.slice(2), 'soft', 'timeo=100'])
  t.same(parseForEfs('nfsvers=4.0').versions, ['4.0'])
  t.notMatch(parse('').options, ['noresvport'], 'for EFS only')
  t.end()
})

const refusalsForEfs: Readonly<Record<string, RegExp>> = {
  'nfsvers=3': /value/,
  'nfsvers=4.2': /value/,
  'nconnect=4': /does not support/,
  'port=2049': /one port/,
  'region=eu-west-1': /vfs\.efsregion/,
  'accesspoint=auto': /value/,
  'mounttargetip=nas': /value/,
  awsprofile: /allowed are/,
  suid: /would be root here/,
}

for (const [word, why] of Object.entries(refusalsForEfs))
  t.test(`EFS: ${word} is refused`, (t) => {
    t.throws(() => parseForEfs(word), { code: 'invalid-argument', message: new RegExp(word) })
    try {
      parseForEfs(word)
    } catch (thrown) {
      t.match((thrown as ConvoyError).sentence, why)
    }
    t.end()
  })

t.test('before it is known for which share they are, options are taken that some share has', (t) => {
  for (const text of ['tls,iam,accesspoint=fsap-0123456789abcdef0', 'nfsvers=3,nolock', 'port=2049', '']) {
    t.equal(checkMountOptions(text), text)
  }
  for (const text of ['tls,nconnect=4', 'iam=1', 'suid', 'tls,suid'])
    t.throws(() => checkMountOptions(text), { code: 'invalid-argument' })
  t.end()
})
