import fc from 'fast-check'
import t from 'tap'
import {
  type BackupRecord,
  encodeBackupRecord,
  findBackupOfKey,
  mostListedProblems,
  parseBackupRecord,
  recordKey,
} from '../../../src/repository/format/backup-record.js'
import { isDamage, mutation, refusalOf } from '../mutation.js'
import { sampleRecord } from '../sample-repository.js'

const { volume, name } = sampleRecord
const parse = (payload: Buffer) => parseBackupRecord(payload, { volume, name })
const json = JSON.parse(encodeBackupRecord(sampleRecord).toString()) as Record<string, unknown>
const withField = (field: string, value: unknown) => Buffer.from(JSON.stringify({ ...json, [field]: value }))

t.test('a record says what it was made of', async (t) => {
  t.strictSame(parse(encodeBackupRecord(sampleRecord)), sampleRecord)
  const more: BackupRecord = { ...sampleRecord, averageLog2: 18, parent: 'backup-00000000000000ff', isComplete: true }
  t.strictSame(parse(encodeBackupRecord(more)), more)
})

t.test('of too many problems the first are listed, and all are counted', async (t) => {
  const problems = Array.from({ length: mostListedProblems + 5 }, (_, index) => ({
    path: `${index}`,
    code: 'EIO',
    message: '',
  }))
  const found = parse(encodeBackupRecord({ ...sampleRecord, problems, problemCount: problems.length }))
  t.strictSame(found.problems, problems.slice(0, mostListedProblems))
  t.equal(found.problemCount, mostListedProblems + 5)
})

t.test('a record of another backup, or of a later version, is refused', async (t) => {
  const payload = encodeBackupRecord(sampleRecord)
  t.throws(() => parseBackupRecord(payload, { volume: 'other', name }), { code: 'damaged' })
  t.throws(() => parseBackupRecord(payload, { volume, name: 'other' }), { code: 'damaged' })
  t.throws(() => parse(withField('format', 2)), { code: 'unsupported', message: /has format 2/ })
  t.throws(() => parse(withField('requires', ['magic'])), { code: 'unsupported', message: /requires "magic"/ })
})

t.test('a field that is missing or no such thing is refused by its name', async (t) => {
  const optional = ['averageLog2', 'parent']
  for (const field of Object.keys(json)) t.throws(() => parse(withField(field, undefined)), { code: 'damaged' }, field)
  for (const field of [...Object.keys(json), ...optional])
    for (const value of [null, -1, 1.5, 'x', {}, [1], true]) {
      const isSuch = parseOf(field, value)
      if (!isSuch)
        t.throws(
          () => parse(withField(field, value)),
          { message: new RegExp(field) },
          `${field} ${JSON.stringify(value)}`,
        )
    }
  t.ok(isDamage(() => parse(Buffer.from('[]'))))
  t.ok(isDamage(() => parse(Buffer.from('{'))))
  t.ok(
    isDamage(() =>
      parse(
        withField(
          'problems',
          Array.from({ length: 1001 }, () => ({ path: '', code: '', message: '' })),
        ),
      ),
    ),
  )
  t.ok(
    isDamage(() => parse(withField('problemCount', 0))),
    'fewer problems than are listed',
  )
})

/** Whether a value is one that the field may have. */
function parseOf(field: string, value: unknown): boolean {
  // A record with another volume or name is refused for that.
  if (['host', 'tool', 'path', 'parent', 'volume', 'name'].includes(field)) return value === 'x'
  return field === 'isComplete' && value === true
}

t.test('fields that nobody knows are passed over', async (t) => {
  t.strictSame(parse(withField('later', { x: 1 })), sampleRecord)
  t.strictSame(parse(Buffer.from(`{"__proto__":{"x":1},${JSON.stringify(json).slice(1)}`)), sampleRecord)
})

t.test('whatever a record is changed to, it is refused or has its types', async () => {
  const payload = encodeBackupRecord(sampleRecord)
  fc.assert(
    fc.property(mutation, (mutate) => {
      const found = refusalOf(() => parse(mutate(payload)))
      return found instanceof Error || encodeBackupRecord(found).length > 0
    }),
    { numRuns: 5000 },
  )
})

t.test('a key tells volume and backup, and anything else is no backup', async (t) => {
  t.strictSame(findBackupOfKey(recordKey('db', 'backup-1')), { volume: 'db', name: 'backup-1' })
  for (const key of [
    'backups/db',
    'backups/db/',
    'backups//x',
    'backups/db/x/y',
    'backups/-db/x',
    'index/db/x',
    'backups/db/x.'.padEnd(150, 'x'),
  ])
    t.equal(findBackupOfKey(key), undefined, key)
})
