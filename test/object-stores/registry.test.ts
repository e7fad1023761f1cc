import { join } from 'node:path'
import t from 'tap'
import { parseDestination } from '../../src/model/backup-url.js'
import { parseOptions } from '../../src/model/options.js'
import { openStore, storeOptions } from '../../src/object-stores/registry.js'
import { patientCall } from '../fakes/memory-object-store.js'
import { account, S3Server } from '../s3/s3-server.js'
import { credentialsFile } from './s3/s3-world.js'

const call = patientCall()
const options = (texts: Readonly<Record<string, string>> = {}) => parseOptions(storeOptions, texts, 'option')

t.test('a destination is opened by its kind', async (t) => {
  const path = join(t.testdir(), 'backups')
  const directory = await openStore(parseDestination(`vfs://${path}`), options())
  t.teardown(() => directory.close())
  await directory.put('config.json', Buffer.from('x'), {}, call)
  t.equal(directory.url, `vfs://${path}`)

  const server = await new S3Server().start(t)
  const texts = { 's3-endpoint': server.endpoint.href, 's3-credentials': credentialsFile(t) }
  const s3 = await openStore(parseDestination(`s3://bucket@${account.region}/a/b/`), options(texts))
  t.teardown(() => s3.close())
  await s3.put('config.json', Buffer.from('x'), {}, call)
  t.equal(s3.url, `s3://bucket@${account.region}/a/b/`)
  t.strictSame([...server.objects.keys()], ['a/b/convoy2/config.json'])

  const whole = await openStore(parseDestination(`s3://bucket@${account.region}`), options(texts))
  t.teardown(() => whole.close())
  await whole.put('config.json', Buffer.from('x'), {}, call)
  t.ok(server.objects.has('convoy2/config.json'))
})

t.test('a limit of uploads is given in bytes per second', async (t) => {
  t.equal(options({ 'limit-upload': '10m' })['limit-upload'], 10 * 2 ** 20)
  t.equal(options({ 'limit-upload': '1m/s' })['limit-upload'], 2 ** 20)
  t.equal(options()['limit-upload'], undefined)
  for (const text of ['10k', '0', 'fast'])
    t.throws(() => options({ 'limit-upload': text }), { code: 'invalid-argument' })
})
