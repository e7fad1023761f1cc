import t from 'tap'
import { parseNfsMountOptions } from '../../../src/drivers/vfs/nfs-options.js'

t.test('nothing given: hard, and each version in its turn, newest first', (t) => {
  t.same(parseNfsMountOptions(''), { options: ['hard'], versions: ['4.2', '4.1', '4', '3'] })
  t.same(parseNfsMountOptions('defaults'), parseNfsMountOptions(''))
  t.end()
})

t.test('a version that is given is the only one that is tried', (t) => {
  t.same(parseNfsMountOptions('nfsvers=4.1,proto=tcp'), { options: ['hard', 'proto=tcp'], versions: ['4.1'] })
  t.same(parseNfsMountOptions('vers=3,nolock').versions, ['3'])
  t.same(parseNfsMountOptions('nfsvers=4,vers=4').versions, ['4'])
  t.throws(() => parseNfsMountOptions('nfsvers=4,vers=3'), { code: 'invalid-argument', message: /4 and 3/ })
  t.end()
})

t.test('who says soft gets it, and hard is not added', (t) => {
  t.same(parseNfsMountOptions('soft,timeo=30,retrans=1').options, ['soft', 'timeo=30', 'retrans=1'])
  t.same(parseNfsMountOptions('hard,timeo=600').options, ['hard', 'timeo=600'])
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
  constructor: /allowed are/,
  'X-mount.mkdir': /allowed are/,
}

for (const [word, hint] of Object.entries(refusals))
  t.test(`${word} is refused by name, with what to do`, (t) => {
    const refusal = { code: 'invalid-argument', message: new RegExp(word.replace(/[.]/g, '\\.')), hint }
    t.throws(() => parseNfsMountOptions(`hard,${word}`), refusal)
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
    t.throws(() => parseNfsMountOptions(word), { code: 'invalid-argument', message: /value/ })
    t.end()
  })
