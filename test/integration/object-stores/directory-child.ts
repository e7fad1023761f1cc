import { createHash } from 'node:crypto'
import { ConvoyError } from '../../../src/errors.js'
import { DirectoryStore } from '../../../src/object-stores/directory/directory-store.js'
import { listAll } from '../../conformance/object-store.js'
import { patientCall } from '../../fakes/memory-object-store.js'

// A process of its own, because the disk is in another mount namespace. Stores so many objects of that size, as far as that goes, in a
// directory; then says what failed and what is there.

/** What it writes, as JSON. */
export interface DirectoryReport {
  readonly failure?: { readonly code: string; readonly sentence: string }
  readonly stored: readonly string[]
  readonly listed: readonly string[]
  /** Listed, but other than what was stored. */
  readonly damaged: readonly string[]
}

const [path = '', count = '', sizeBytes = ''] = process.argv.slice(2)
const call = patientCall()
const store = await DirectoryStore.open(path, { url: `vfs://${path}` })
const stored: string[] = []
let failure: DirectoryReport['failure']
try {
  for (let index = 0; index < Number(count); index++) {
    const bytes = Buffer.alloc(Number(sizeBytes), `object ${index} `)
    const key = `data/ab/${createHash('sha256').update(bytes).digest('hex')}`
    await store.put(key, bytes, {}, call)
    stored.push(key)
  }
} catch (thrown) {
  if (!(thrown instanceof ConvoyError)) throw thrown
  failure = { code: thrown.code, sentence: thrown.sentence }
}
const listed = (await listAll(store)).map(({ key }) => key)
const damaged: string[] = []
for (const key of listed) {
  const digest = createHash('sha256').update(await store.get(key, undefined, call))
  if (!key.endsWith(digest.digest('hex'))) damaged.push(key)
}
await store.close()
const report: DirectoryReport = { ...(failure === undefined ? {} : { failure }), stored, listed, damaged }
process.stdout.write(JSON.stringify(report))
