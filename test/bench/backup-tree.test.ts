import {
  appendFileSync,
  chmodSync,
  lutimesSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { describeTree, findDifference, sizeOfTree } from '../../bench/backup-tree.js'

const at = new Date(1_700_000_000_000)

/** One thing after another done to a copy. */
const changes: Readonly<Record<string, (copy: string) => void>> = {
  'other content of the same size': (copy) => {
    writeFileSync(join(copy, 'a/file'), 'bytes')
    lutimesSync(join(copy, 'a/file'), at, at)
  },
  'a longer file': (copy) => {
    appendFileSync(join(copy, 'a/file'), '!')
    lutimesSync(join(copy, 'a/file'), at, at)
  },
  'another mode': (copy) => chmodSync(join(copy, 'a/file'), 0o600),
  'another time of a file': (copy) => lutimesSync(join(copy, 'a/file'), at, new Date(at.getTime() + 1)),
  'another time of a directory': (copy) => lutimesSync(join(copy, 'a'), at, new Date(at.getTime() + 1)),
  'another link target': (copy) => {
    unlinkSync(join(copy, 'link'))
    symlinkSync('elsewhere', join(copy, 'link'))
    lutimesSync(join(copy, 'link'), at, at)
  },
  'a file less': (copy) => rmSync(join(copy, 'last')),
  'a file more': (copy) => writeFileSync(join(copy, 'more'), ''),
  'another name': (copy) => renameSync(join(copy, 'last'), join(copy, 'final')),
}

function makeTree(root: string): void {
  mkdirSync(join(root, 'a/empty'), { recursive: true })
  writeFileSync(join(root, 'a/file'), 'words', { mode: 0o644 })
  writeFileSync(join(root, 'last'), 'more words')
  symlinkSync('a/file', join(root, 'link'))
  for (const path of ['a/file', 'a/empty', 'last', 'link', 'a']) lutimesSync(join(root, path), at, at)
}

t.test('two copies of a tree are equal', async (t) => {
  const root = t.testdir({ one: {}, other: {} })
  makeTree(join(root, 'one'))
  makeTree(join(root, 'other'))
  t.equal(findDifference(describeTree(join(root, 'one')), describeTree(join(root, 'other'))), undefined)
  t.equal(describeTree(join(root, 'one')).size, 5)
})

for (const [what, change] of Object.entries(changes))
  t.test(`a tree with ${what} is not equal`, async (t) => {
    const root = t.testdir({ one: {}, other: {} })
    makeTree(join(root, 'one'))
    makeTree(join(root, 'other'))
    change(join(root, 'other'))
    const [one, other] = [describeTree(join(root, 'one')), describeTree(join(root, 'other'))]
    t.type(findDifference(one, other), 'string')
    t.type(findDifference(other, one), 'string')
  })

t.test('the size of a tree is that of its files', async (t) => {
  const root = t.testdir({ a: { one: '12345' }, two: '123' })
  t.equal(sizeOfTree(root), 8)
})
