import { DirectoryStore } from '../../../src/object-stores/directory/directory-store.js'
import { patientCall } from '../../fakes/memory-object-store.js'
import { interceptFileCalls } from './file-calls.js'

// A process of its own: stores one object, and is killed before the n-th call of the file system, counted from 0.

const [path = '', key = '', content = '', how = '', step = ''] = process.argv.slice(2)
const store = await DirectoryStore.open(path, { url: 'vfs:' })
let calls = 0
await interceptFileCalls((_, __, act) => {
  if (calls++ === Number(step)) process.kill(process.pid, 'SIGKILL')
  return act()
})
await store.put(key, Buffer.from(content), { createOnly: how === 'create' }, patientCall())
