import t from 'tap'
import { propagationOf, readDockerViews, readMountView } from '../../src/host/mount-propagation.js'

const view = (namespace: string, root: string, more = '') => ({
  namespace,
  mountInfo: `22 1 98:0 / / rw,noatime ${root}- ext4 /dev/root rw\n${more}`,
})

const path = '/var/lib/convoy/mounts'
const cases = [
  ['shared', 'one namespace, and a shared mount', view('a', 'shared:1 '), view('a', 'shared:1 ')],
  ['seen', 'one namespace, and a private mount', view('a', ''), view('a', '')],
  ['seen', 'one namespace, and a slave mount', view('a', 'master:1 '), view('a', 'master:1 ')],
  ['shared', 'two namespaces with a mount of one group', view('a', 'shared:1 '), view('b', 'shared:1 ')],
  ['shared', 'another namespace that receives', view('a', 'shared:1 '), view('b', 'shared:7 master:1 ')],
  ['hidden', 'another namespace, and a private mount', view('a', ''), view('b', 'shared:1 ')],
  ['hidden', 'another namespace, and a slave mount', view('a', 'master:1 '), view('b', 'shared:1 ')],
  ['hidden', 'another namespace of another group', view('a', 'shared:2 '), view('b', 'shared:1 ')],
  [
    'hidden',
    'the mount that covers the place counts, not the root',
    view('a', 'shared:1 ', '23 22 98:1 / /var/lib rw - ext4 /dev/b rw\n'),
    view('b', 'shared:1 '),
  ],
] as const

for (const [expected, name, from, to] of cases)
  t.test(`${name}: ${expected}`, async (t) => t.equal(propagationOf(path, from, [to]), expected))

t.test('one engine that sees the mounts is enough', async (t) => {
  t.equal(propagationOf(path, view('a', 'shared:1 '), [view('b', ''), view('c', 'master:1 ')]), 'shared')
  t.equal(propagationOf(path, view('a', 'shared:1 '), []), 'hidden')
})

t.test('processes are looked at by their pid', async (t) => {
  t.match(readMountView(process.pid), { namespace: /^mnt:/, mountInfo: / - / })
  t.equal(readMountView(2 ** 30), undefined)
  t.ok(Array.isArray(readDockerViews()))
})
