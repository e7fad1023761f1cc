import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { DirectoryStore } from '../../src/object-stores/directory/directory-store.js'
import { tellOfKills } from './kill-story.js'

tellOfKills(t, 'a directory', async (t, directory) => {
  const path = join(directory, 'repository')
  mkdirSync(path)
  const url = `vfs://${path}`
  const store = await DirectoryStore.open(path, { url })
  t.teardown(() => store.close())
  return { url, flags: [], environment: {}, openStore: () => store }
})
