import t from 'tap'
import { RemovalFailures } from '../../src/host/removal-failures.js'

const failure = (code: string) => Object.assign(new Error(`${code}: failed`), { code })
const path = (text: string) => () => text.split('/').map((name) => Buffer.from(name))

t.test('nothing is thrown when nothing failed', async (t) => {
  const failures = new RemovalFailures('/root')
  t.notOk(failures.any)
  t.doesNotThrow(() => failures.throwIfAny())
})

t.test('the first failure is shown, the others are counted', async (t) => {
  const failures = new RemovalFailures('/root')
  failures.add(path('a/b\n'), failure('EPERM'))
  failures.add(() => {
    throw new Error('a path that is not shown is not asked for')
  }, failure('EIO'))
  t.ok(failures.any)
  t.throws(() => failures.throwIfAny(), {
    code: 'unavailable',
    message: /^cannot remove "a\/b\\n" in "\/root": .*immutable.*and 1 more/,
  })
})

t.test('one mount in the tree makes it in use, wherever it was found', async (t) => {
  for (const codes of [
    ['EBUSY', 'EPERM'],
    ['EPERM', 'EBUSY'],
  ]) {
    const failures = new RemovalFailures('/root')
    for (const code of codes) failures.add(path('a'), failure(code))
    t.throws(() => failures.throwIfAny(), { code: 'in-use' })
  }
})

t.test('files of NFS that are still open are told from all else', async (t) => {
  const heldOpen = (...failed: readonly (readonly [name: string, code: string])[]) => {
    const failures = new RemovalFailures('/root')
    for (const [name, code] of failed) failures.add(path(name), failure(code))
    return failures.heldOpen
  }
  const open = ['a/.nfs00000000000f1e2d00000003', 'EBUSY'] as const
  t.equal(heldOpen(), undefined)
  t.equal(heldOpen(open, open), open[0])
  t.equal(heldOpen(open, ['b', 'EBUSY']), undefined, 'something is mounted')
  t.equal(heldOpen(['b', 'EPERM'], open), undefined)
  t.equal(heldOpen(['a/.nfs00000000000f1e2d00000003', 'EPERM']), undefined)
  t.equal(heldOpen(['.nfs-mine', 'EBUSY']), undefined)
})

t.test('a path of any depth makes a message that people can read', async (t) => {
  const failures = new RemovalFailures('/root')
  failures.add(path('deep/'.repeat(10_000) + 'end'), failure('EUNKNOWN'))
  t.throws(() => failures.throwIfAny(), { message: /^cannot remove "….{0,400}end".*EUNKNOWN: failed$/ })
})
