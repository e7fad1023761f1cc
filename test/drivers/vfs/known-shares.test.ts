import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { KnownShares } from '../../../src/drivers/vfs/known-shares.js'

t.test('what was added is known after a restart, once, and without what is not ours', async (t) => {
  const directory = join(t.testdir(), 'shares')
  t.same(new KnownShares(directory).list(), [])
  const known = new KnownShares(directory)
  await known.add({})
  const [plain, chosen] = [{ share: 'nas:/a' }, { share: 'nas:/a', mountoptions: 'nfsvers=3' }]
  for (const share of [plain, chosen, plain, { ...chosen, size: '1g' }]) await known.add(share)
  t.equal(readdirSync(directory).length, 2)
  writeFileSync(join(directory, '0123456789ab.json'), 'half')
  writeFileSync(join(directory, '0123456789ac.json'), '{"share":1}')
  writeFileSync(join(directory, 'notes.json'), '{"share":"nas:/b"}')
  t.same(new Set(new KnownShares(directory).list()), new Set([plain, chosen]))
})
