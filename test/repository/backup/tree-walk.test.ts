import * as fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { codeOf } from '../../../src/errors.js'
import { DirectoryHandle } from '../../../src/host/directory-handle.js'
import { showPath } from '../../../src/repository/format/tree-path.js'
import { TreeWalk, type TreeWalkDeps } from '../../../src/repository/backup/tree-walk.js'

interface Problem {
  readonly path: string
  readonly code: string
}

function open(path: string, given: Partial<TreeWalkDeps> = {}) {
  const problems: Problem[] = []
  const walk = new TreeWalk(DirectoryHandle.openRoot(path), {
    isExcluded: () => false,
    onProblem: (at, thrown) => problems.push({ path: showPath(at), code: codeOf(thrown) }),
    ...given,
  })
  const paths = () => {
    const found: string[] = []
    for (let file = walk.next(); file !== undefined; file = walk.next()) found.push(showPath(file.path))
    walk.close()
    return found
  }
  return { walk, problems, paths }
}

const openFiles = () => fs.readdirSync('/proc/self/fd').length

t.test(
  'a walk is in the order of a manifest: what is in a directory comes before names that are longer than its',
  async (t) => {
    const { paths } = open(t.testdir({ a: { z: '' }, 'a!': '', a0: { b: { c: '' } }, B: '', é: '' }))
    t.strictSame(paths(), ['B', 'a', 'a/z', 'a!', 'a0', 'a0/b', 'a0/b/c', 'é'])
  },
)

t.test(
  'S22 a tree that is deeper than files may be open, and than a path may be long, is walked with few open files',
  async (t) => {
    const path = t.testdir()
    const depth = 1200
    const top = process.cwd()
    // Step by step: no call takes such a path.
    process.chdir(path)
    for (let level = 0; level < depth; level++) {
      fs.mkdirSync('deep')
      fs.writeFileSync('z', '')
      process.chdir('deep')
    }
    process.chdir(top)
    const before = openFiles()
    const { walk, problems } = open(path)
    let most = 0
    let count = 0
    for (let file = walk.next(); file !== undefined; file = walk.next()) {
      count++
      if (count % 500 === 0) most = Math.max(most, openFiles())
    }
    walk.close()
    t.equal(count, 2 * depth)
    t.strictSame(problems, [])
    t.ok(most - before < 100, `${most - before} more open files`)
    t.equal(openFiles(), before)
    // What removes it otherwise takes paths.
    removeDeep(path, depth)
  },
)

t.test('a directory that has gone when the walk comes to it is a problem, and the rest is walked', async (t) => {
  const path = t.testdir({ a: { x: '' }, b: '' })
  const { walk, problems } = open(path)
  t.equal(walk.next()?.name.toString(), 'a')
  fs.rmSync(join(path, 'a'), { recursive: true })
  t.equal(walk.next()?.name.toString(), 'b')
  t.strictSame(problems, [{ path: 'a', code: 'ENOENT' }])
  walk.close()
})

t.test(
  'S15 a link that took the place of a directory is not followed, nor is another directory taken for it',
  async (t) => {
    const path = t.testdir({ a: { x: '' }, b: { y: '' }, c: '' })
    const { walk, problems } = open(path)
    walk.next()
    fs.rmSync(join(path, 'a'), { recursive: true })
    fs.symlinkSync('/etc', join(path, 'a'))
    t.equal(walk.next()?.name.toString(), 'b')
    fs.renameSync(join(path, 'b'), join(path, 'old'))
    fs.mkdirSync(join(path, 'b'))
    fs.writeFileSync(join(path, 'b', 'planted'), '')
    t.equal(walk.next()?.name.toString(), 'c')
    t.equal(walk.next(), undefined)
    t.match(problems, [{ path: 'a' }, { path: 'b', code: 'ESTALE' }])
    walk.close()
  },
)

t.test(
  'a directory that was moved away while the walk was far below it is left, and nothing else is taken for it',
  async (t) => {
    const names = Array.from({ length: 80 }, (_, level) => `d${level}`)
    const path = t.testdir({ elsewhere: { planted: '' } })
    fs.mkdirSync(join(path, 'top', ...names), { recursive: true })
    fs.writeFileSync(join(path, 'top', 'd0', 'z'), '')
    const { walk, problems } = open(join(path, 'top'))
    for (const name of names) t.equal(walk.next()?.name.toString(), name)
    fs.renameSync(join(path, 'top', ...names.slice(0, 3)), join(path, 'elsewhere', 'd2'))
    const rest: string[] = []
    for (let file = walk.next(); file !== undefined; file = walk.next()) rest.push(file.name.toString())
    t.strictSame(rest, [])
    t.match(problems, [{ code: 'ESTALE' }])
    walk.close()
  },
)

t.test('whoever needs a directory longer than the walk keeps it', async (t) => {
  const path = t.testdir({ a: { x: 'content' } })
  const { walk } = open(path)
  walk.next()
  const directory = walk.next()?.directory.retain()
  walk.close()
  t.equal(fs.readFileSync(`/proc/self/fd/${directory?.fd}/x`, 'utf8'), 'content')
  directory?.release()
})

t.test(
  'the root may be a file system of its own, and what is mounted below it is not entered',
  { skip: !fs.existsSync('/proc/self/mountinfo') },
  async (t) => {
    const { walk } = open('/', {
      isExcluded: (path) => showPath(path).includes('/') || !['proc', 'etc'].includes(showPath(path)),
    })
    const found = [walk.next(), walk.next(), walk.next()]
    t.strictSame(
      found.map((file) => file && [file.name.toString(), file.isMount]),
      [['etc', false], ['proc', true], undefined],
    )
    walk.close()
  },
)

function removeDeep(path: string, depth: number): void {
  const top = process.cwd()
  process.chdir(path)
  for (let level = 0; level < depth; level++) process.chdir('deep')
  for (let level = 0; level < depth; level++) {
    process.chdir('..')
    fs.rmSync('z', { force: true })
    fs.rmdirSync('deep')
  }
  process.chdir(top)
}
