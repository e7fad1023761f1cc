import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import t, { type Test } from 'tap'
import { machineKey } from '../../src/host/machine-key.js'

const asset = 'sys/class/dmi/id/board_asset_tag'
const product = 'sys/class/dmi/id/product_uuid'
const machine = { 'etc/machine-id': '0123456789abcdef0123456789abcdef\n' }

function keyOf(t: Test, files: Readonly<Record<string, string>>, boot = 'boot-1') {
  const root = t.testdir()
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return machineKey(root, () => boot)
}

const uuid = 'EC2E1916-9099-7CAF-FD21-012345ABCDEF'
const cases: readonly (readonly [string, Readonly<Record<string, string>>, string | undefined])[] = [
  [
    'an instance that its firmware names',
    { [asset]: 'i-0123456789abcdef0\n', [product]: uuid },
    'instance i-0123456789abcdef0',
  ],
  [
    'other hardware',
    { [asset]: 'Not Specified\n', [product]: `${uuid}\n`, ...machine },
    `hardware ${uuid.toLowerCase()}`,
  ],
  ['Xen', { 'sys/hypervisor/uuid': uuid }, `hardware ${uuid.toLowerCase()}`],
  [
    'hardware without an id',
    { [product]: '00000000-0000-0000-0000-000000000000', ...machine },
    'installation 0123456789abcdef0123456789abcdef boot-1',
  ],
  ['nothing that is known', {}, undefined],
]

for (const [what, files, expected] of cases)
  t.test(`EB28 the key of a machine: ${what}`, (t) => {
    t.equal(keyOf(t, files), expected)
    t.end()
  })

t.test('EB28 an installation may be a copy, and so counts for one boot', (t) => {
  t.not(keyOf(t, machine, 'boot-1'), keyOf(t, machine, 'boot-2'))
  t.end()
})
