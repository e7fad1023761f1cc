import { mkdtempSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { gzipSync } from 'node:zlib'
import { type DataSet, dataSets } from '../../bench/backup-data.js'
import { PseudoRandom } from '../repository/pseudo-random.js'

const scale = 0.01
/** What gzip makes of a set, least and most. */
const compressed: Readonly<Record<string, readonly [number, number]>> = {
  mysql: [0.55, 0.7],
  incompressible: [0.99, 1.01],
  small: [0.4, 0.6],
}

function make(t: Test, set: DataSet): string {
  const directory = mkdtempSync(join(t.testdir(), 'set-'))
  set.make(directory, scale, new PseudoRandom(set.name))
  return directory
}

function contents(directory: string): Map<string, Buffer> {
  const paths = readdirSync(directory, { recursive: true, encoding: 'utf8' }).sort()
  const files = paths.filter((path) => statSync(join(directory, path)).isFile())
  return new Map(files.map((path) => [path, readFileSync(join(directory, path))]))
}

/** How many bytes of the second are where the first has others, or nothing. */
function newBytes(before: Map<string, Buffer>, after: Map<string, Buffer>): number {
  let count = 0
  for (const [path, bytes] of after) {
    const old = before.get(path)
    if (old !== undefined && bytes.equals(old)) continue
    count += bytes.filter((byte, index) => byte !== old?.[index]).length
  }
  return count
}

for (const set of dataSets) {
  t.test(`the set ${set.name} is the same every time`, async (t) => {
    const [one, other] = [contents(make(t, set)), contents(make(t, set))]
    t.ok(one.size > 3)
    t.strictSame([...one.keys()], [...other.keys()])
    t.equal(newBytes(one, other), 0)
  })

  t.test(`the set ${set.name} compresses as data of its kind do`, async (t) => {
    const all = Buffer.concat([...contents(make(t, set)).values()])
    const ratio = gzipSync(all).length / all.length
    const [least = 0, most = 0] = compressed[set.name] ?? []
    t.ok(ratio >= least && ratio <= most, `${ratio}`)
  })

  for (const change of set.changes)
    t.test(
      `the change ${change.name} of the set ${set.name} is as large as it says, and another one each time`,
      async (t) => {
        const directory = make(t, set)
        const before = contents(directory)
        const said = change.apply(directory, scale, new PseudoRandom('first'))
        const after = contents(directory)
        const found = newBytes(before, after)
        // A byte may be replaced by the same one; what follows inserted bytes is elsewhere.
        t.ok(found > said * 0.6, `${found} of ${said}`)
        if (set.name !== 'incompressible') t.ok(found <= said, `${found} of ${said}`)
        change.apply(directory, scale, new PseudoRandom('second'))
        t.ok(newBytes(after, contents(directory)) > 0)
      },
    )
}

t.test('a seed gives the same numbers again, and another seed others', async (t) => {
  const numbers = (seed: string) => {
    const random = new PseudoRandom(seed)
    return Array.from({ length: 300_000 }, () => random.integer(1000)).join()
  }
  t.ok(numbers('a') === numbers('a'))
  t.notOk(numbers('a') === numbers('b'))
  t.equal(new Set(numbers('a').split(',')).size, 1000)
})
