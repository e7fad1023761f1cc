import t from 'tap'
import { Exclusion } from '../../src/repository/exclusion.js'

const at = (path: string) => Buffer.from(path.replaceAll('/', '\0'))

t.test('patterns are those of a .gitignore at the root', async (t) => {
  const exclusion = new Exclusion(['*.log', '!keep.log', '/top', 'cache/', 'a/**/z'])
  for (const [path, isDirectory, expected] of [
    ['x.log', false, true],
    ['deep/x.log', false, true],
    ['keep.log', false, false],
    ['top', false, true],
    ['deep/top', false, false],
    ['deep/cache', true, true],
    ['deep/cache', false, false],
    ['a/b/c/z', false, true],
    ['X.LOG', false, false],
    ['..x', false, false],
  ] as const)
    t.equal(exclusion.isExcluded(at(path), isDirectory), expected, path)
})

t.test('without patterns nothing is excluded, and names that are no text are no matter', async (t) => {
  t.notOk(new Exclusion([]).isExcluded(at('x'), false))
  t.notOk(new Exclusion(['*.log']).isExcluded(Buffer.from([0xff, 0xfe]), false))
})
