import t from 'tap'
import { parseNfsShare } from '../../../src/drivers/vfs/nfs-share.js'

for (const text of ['10.0.0.5:/exports', 'nas.example.com:/exports/a', '[fd00::5]:/exports', 'nas:/'])
  t.test(`${text} is a share`, (t) => {
    t.match(parseNfsShare(text), { source: text, options: ['hard'] })
    t.end()
  })

t.test('the same share is the same mount, however it is written', (t) => {
  const { id } = parseNfsShare('NAS:/exports//a/', 'soft,timeo=30')
  t.equal(parseNfsShare('nas:/exports/a', 'timeo=30,soft').id, id)
  t.not(parseNfsShare('nas:/exports/a', 'timeo=31,soft').id, id)
  t.not(parseNfsShare('nas:/exports/a', 'timeo=30,soft,nfsvers=3').id, id)
  t.not(parseNfsShare('nas:/exports', 'timeo=30,soft').id, id)
  t.end()
})

const strange = [
  '',
  'nas',
  'nas:',
  ':/x',
  'nas:x',
  'fd00::5:/x',
  'nas:/a/../b',
  'nas:/a b',
  'nas:/a\n',
  '-o:/x',
  'na s:/x',
  '/srv/x',
]

for (const text of strange)
  t.test(`${JSON.stringify(text)} is no share`, (t) => {
    t.throws(() => parseNfsShare(text), {
      code: 'invalid-argument',
      message: /is not an NFS share/,
      hint: /SERVER:\/EXPORT/,
    })
    t.end()
  })
