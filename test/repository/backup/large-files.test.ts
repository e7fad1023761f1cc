import { randomBytes } from 'node:crypto'
import * as fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ConvoyError } from '../../../src/errors.js'
import { DirectoryHandle } from '../../../src/host/directory-handle.js'
import { BackupProblems } from '../../../src/repository/backup/backup-problems.js'
import { segmentBytes, type TaskDone } from '../../../src/repository/backup/backup-protocol.js'
import type { NewTask, TaskRunner } from '../../../src/repository/backup/backup-workers.js'
import type { Extent } from '../../../src/repository/format/entry-body.js'
import { packExtents } from '../../../src/repository/backup/extents.js'
import { FileToRead } from '../../../src/repository/backup/file-to-read.js'
import { LargeFiles } from '../../../src/repository/backup/large-files.js'
import type { ManifestEntry } from '../../../src/repository/format/manifest-entry.js'
import { TreeWalk } from '../../../src/repository/backup/tree-walk.js'

const mebibyte = 1024 * 1024
const id = Buffer.alloc(32, 7)

type SegmentTask = Extract<NewTask, { kind: 'segment' }>

/** Reads one file with threads that are a function. */
async function read(
  path: string,
  act: (task: SegmentTask) => { extents: readonly Extent[]; errno?: number },
  beforeReading: () => void = () => undefined,
) {
  const walk = new TreeWalk(DirectoryHandle.openRoot(path), { isExcluded: () => false, onProblem: () => undefined })
  const walked = walk.next()
  if (walked === undefined) throw new Error('there is no file')
  const problems = new BackupProblems()
  const lostFirstNames = new Set<string>()
  const tasks: SegmentTask[] = []
  let entry: ManifestEntry | undefined
  let isDropped = false
  const place = { fill: (it: ManifestEntry) => (entry = it), drop: () => (isDropped = true) }
  const workers: TaskRunner = {
    hasRoom: true,
    waitForRoom: () => Promise.resolve(),
    run: async (task): Promise<TaskDone> => {
      if (task.kind !== 'segment') throw new Error('no segment')
      tasks.push(task)
      const { extents, errno = 0 } = act(task)
      return { kind: 'done', id: 0, result: packExtents(extents), newBytes: 0, errno }
    },
  }
  const lists: (readonly Extent[])[] = []
  const meta = { putExtentList: async (extents: readonly Extent[]) => Buffer.alloc(32, lists.push(extents)) }
  beforeReading()
  const files = new LargeFiles({ workers, meta, readExtentList: async () => [], onRead: () => undefined })
  await files.read(new FileToRead(walked, undefined, { place, problems, lostFirstNames }))
  await files.settle()
  walk.close()
  return { entry, isDropped, problems, tasks, lists }
}

const whole = ({ length }: SegmentTask) => ({ extents: [{ id, lengthBytes: length }] })

t.test('a file is read in segments, and has a list for each of them', async (t) => {
  const path = t.testdir()
  fs.writeFileSync(join(path, 'large'), '')
  fs.truncateSync(join(path, 'large'), 2 * segmentBytes + 5)
  const fd = fs.openSync(join(path, 'large'), 'r+')
  for (const at of [0, segmentBytes, 2 * segmentBytes]) fs.writeSync(fd, 'x', at)
  fs.closeSync(fd)
  const { entry, tasks, lists } = await read(path, whole)
  t.strictSame(
    tasks.map(({ offset, length }) => [offset, length]),
    [
      [0, segmentBytes],
      [segmentBytes, segmentBytes],
      [2 * segmentBytes, 5],
    ],
  )
  t.equal(lists.length, 3)
  t.match(entry?.body, {
    form: 'lists',
    averageLog2: 17,
    lists: [{ lengthBytes: segmentBytes }, { lengthBytes: segmentBytes }, { lengthBytes: 5 }],
  })
})

t.test('S23 segments that are holes are not read, however many they are', async (t) => {
  const path = t.testdir()
  fs.writeFileSync(join(path, 'sparse'), '')
  fs.truncateSync(join(path, 'sparse'), 1024 * segmentBytes)
  const fd = fs.openSync(join(path, 'sparse'), 'r+')
  fs.writeSync(fd, 'x', 500 * segmentBytes + 4711)
  fs.closeSync(fd)
  const { entry, tasks } = await read(path, whole)
  t.strictSame(
    tasks.map(({ offset }) => offset / segmentBytes),
    [500],
  )
  t.match(entry?.body, {
    lists: [{ id: undefined, lengthBytes: 500 * segmentBytes }, { lengthBytes: segmentBytes }, { id: undefined }],
  })
  t.equal(entry?.sizeBytes, 1024 * segmentBytes)
})

t.test('a file that shrinks while it is read ends where it ended, and is said to have changed', async (t) => {
  const path = t.testdir()
  fs.writeFileSync(join(path, 'shrinking'), randomBytes(3 * mebibyte))
  const { entry, problems } = await read(path, () => {
    fs.truncateSync(join(path, 'shrinking'), mebibyte)
    return { extents: [{ id, lengthBytes: mebibyte }] }
  })
  t.equal(entry?.sizeBytes, mebibyte)
  t.match(entry?.body, { form: 'chunks', chunks: [{ id, lengthBytes: mebibyte }] })
  t.match(problems, { list: [{ path: 'shrinking', code: 'changed' }], isComplete: false })
})

t.test('segments behind the new end of a file that shrank are no part of it', async (t) => {
  const path = t.testdir()
  fs.writeFileSync(join(path, 'f'), '')
  const fd = fs.openSync(join(path, 'f'), 'r+')
  fs.ftruncateSync(fd, 2 * segmentBytes)
  for (const at of [0, segmentBytes]) fs.writeSync(fd, 'x', at)
  fs.closeSync(fd)
  const { entry } = await read(path, ({ offset, length }) => ({
    extents: [{ id, lengthBytes: offset === 0 ? mebibyte : length }],
  }))
  t.equal(entry?.sizeBytes, mebibyte)
  t.match(entry?.body, { form: 'lists', lists: [{ lengthBytes: mebibyte }] })
})

t.test('a file that shrinks to nothing is empty, and what lies behind its new end is forgotten', async (t) => {
  const path = t.testdir()
  fs.writeFileSync(join(path, 'f'), randomBytes(mebibyte))
  t.match((await read(path, () => ({ extents: [] }))).entry, { sizeBytes: 0, body: { form: 'empty' } })
})

t.test('a file that grows while it is read has what was there, and is said to have changed', async (t) => {
  const path = t.testdir()
  fs.writeFileSync(join(path, 'log'), randomBytes(mebibyte))
  const { entry, problems } = await read(path, (task) => {
    fs.appendFileSync(join(path, 'log'), 'more')
    return whole(task)
  })
  t.equal(entry?.sizeBytes, mebibyte)
  t.match(problems.list, [{ path: 'log', code: 'changed' }])
})

t.test('a disk that fails to read a file costs that file, with the reason', async (t) => {
  const path = t.testdir()
  fs.writeFileSync(join(path, 'f'), randomBytes(mebibyte))
  const { entry, isDropped, problems } = await read(path, () => ({ extents: [], errno: 5 }))
  t.equal(entry, undefined)
  t.ok(isDropped)
  t.match(problems, { list: [{ path: 'f', code: 'EIO' }], isComplete: false })
})

t.test('S15 S23 what took the place of a file since it was looked at is not read, and does not hang', async (t) => {
  for (const [what, replace] of [
    ['a link', (file: string) => fs.symlinkSync('/etc/passwd', file)],
    ['a directory', (file: string) => fs.mkdirSync(file)],
    ['another file', (file: string) => fs.writeFileSync(file, 'planted')],
    ['nothing', () => undefined],
  ] as const) {
    const path = t.testdir({ f: 'x' })
    const keepsInode = join(path, 'moved')
    const { isDropped, tasks, problems } = await read(path, whole, () => {
      fs.renameSync(join(path, 'f'), keepsInode)
      replace(join(path, 'f'))
    })
    t.ok(isDropped, what)
    t.equal(tasks.length, 0, what)
    t.equal(problems.count, 1, what)
  }
})

t.test('when the backup ends the file is left, which is no problem of the file', async (t) => {
  const path = t.testdir()
  fs.writeFileSync(join(path, 'f'), randomBytes(mebibyte))
  const { isDropped, problems } = await read(path, () => {
    throw new ConvoyError('unavailable', 'the backup was stopped')
  })
  t.ok(isDropped)
  t.equal(problems.count, 0)
})
