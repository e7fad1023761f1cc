import t from 'tap'
import { ChunkTable } from '../../../src/repository/chunk-table.js'
import type { EntryBody } from '../../../src/repository/format/entry-body.js'
import { ManifestEntry } from '../../../src/repository/format/manifest-entry.js'
import { encodeStat } from '../../../src/repository/format/stat-block.js'
import { ContentCheck, isSettled } from '../../../src/repository/backup/unchanged.js'

const fields = { mode: 0o100644, uid: 0, gid: 0, ino: 1n, size: 10, mtimeSec: 0n, mtimeNs: 0 }

const changedAt = (ms: number) =>
  encodeStat({
    ...fields,
    ctimeSec: BigInt(Math.floor(ms / 1000)),
    ctimeNs: (ms % 1000) * 1e6 + (ms % 1000 === 0 ? 0 : 1),
  })

t.test('a file is trusted that had not changed for a while when the parent began', async (t) => {
  t.ok(isSettled(changedAt(999_500), 1_000_000))
  t.notOk(isSettled(changedAt(999_990), 1_000_000), 'it may have changed again within a step of the clock')
  t.notOk(isSettled(changedAt(1_000_500), 1_000_000), 'nor one that changed after that')
})

t.test('where the file system knows whole seconds only, it must have been still for longer', async (t) => {
  t.notOk(isSettled(changedAt(999_000), 1_000_000))
  t.ok(isSettled(changedAt(997_000), 1_000_000))
})

const here = Buffer.alloc(32, 1)
const gone = Buffer.alloc(32, 2)
const list = Buffer.alloc(32, 3)

function isThere(body: EntryBody, extents = [{ id: here, lengthBytes: 10 }]): boolean | Promise<boolean> {
  const table = ChunkTable.allocate(16)
  for (const id of [here, list]) table.claim(id)
  const check = new ContentCheck({ table }, async (id) => {
    if (!id.equals(list)) throw new Error('no such list')
    return extents
  })
  const stat = encodeStat({ ...fields, ctimeSec: 0n, ctimeNs: 0 })
  return check.isThere(ManifestEntry.of({ path: Buffer.from('f'), type: 'f', stat, body }))
}

t.test('what an entry refers to must all be in the repository', async (t) => {
  const average = { averageLog2: 17 } as const
  const sha256 = Buffer.alloc(32)
  t.equal(isThere({ form: 'bundled', chunk: here, offset: 0, sha256 }), true)
  t.equal(isThere({ form: 'bundled', chunk: gone, offset: 0, sha256 }), false)
  const chunks = [
    { id: here, lengthBytes: 4 },
    { id: undefined, lengthBytes: 6 },
  ]
  t.equal(isThere({ form: 'chunks', ...average, chunks }), true)
  t.equal(
    isThere({
      form: 'chunks',
      ...average,
      chunks: [
        { id: here, lengthBytes: 4 },
        { id: gone, lengthBytes: 6 },
      ],
    }),
    false,
  )
  t.equal(await isThere({ form: 'lists', ...average, lists: [{ id: list, lengthBytes: 10 }] }), true)
  t.equal(await isThere({ form: 'lists', ...average, lists: [{ id: gone, lengthBytes: 10 }] }), false, 'the list too')
  t.equal(
    await isThere({ form: 'lists', ...average, lists: [{ id: list, lengthBytes: 10 }] }, [
      { id: gone, lengthBytes: 10 },
    ]),
    false,
  )
  t.equal(
    await isThere({ form: 'lists', ...average, lists: [{ id: here, lengthBytes: 10 }] }),
    false,
    'a list that cannot be read',
  )
})
