import t from 'tap'
import { packSupport, type SupportDeps } from '../../src/doctor/support.js'
import { ConvoyError } from '../../src/errors.js'
import type { ArchivedFile } from '../../src/host/archive.js'
import { FakeSite } from './fake-site.js'

const secret = 'hunter2Hunter2'
const target = { path: '/tmp/x.tar.gz', existing: 'keep' } as const

function depsOf(site: FakeSite, parts: Partial<SupportDeps> = {}) {
  let files: readonly ArchivedFile[] = []
  const deps: SupportDeps = {
    source: site.source,
    daemon: site.view,
    versions: async () => ({ convoy: '1.2.3' }),
    mountInfo: () => '1 1 0:1 / / rw - ext4 /dev/a rw\n',
    pluginFiles: () => [],
    describeDatabase: async (root) => ({ schemaVersion: 3, schema: [`CREATE TABLE of ${root}`], rows: { volumes: 1 } }),
    readLog: async () => 'ready\n',
    write: async (_path, written) => {
      files = written
    },
    ...parts,
  }
  return { deps, text: (name: string) => files.find((file) => file.name === name)?.text }
}

t.test('the archive holds what every part says, and says what it holds', async (t) => {
  const site = new FakeSite()
  const { deps, text } = depsOf(site)
  const packed = await packSupport(deps, [], target)
  t.equal(packed.path, target.path)
  const names = packed.files.map(({ name }) => name)
  for (const name of ['doctor', 'versions', 'info', 'config', 'database', 'volumes', 'plugin-files'])
    t.ok(names.includes(`${name}.json`), name)
  t.equal(text('events.txt'), 'id: 1\n')
  t.equal(text('daemon.log'), 'ready\n')
  t.match(text('mountinfo.txt'), /ext4/)
  t.match(JSON.parse(text('versions.json') ?? ''), { convoy: '1.2.3' })
})

t.test(
  'without the daemon there is what the host says, the database of its root, and a list of what is missing',
  async (t) => {
    const site = new FakeSite()
    site.isDaemonRunning = false
    const { deps, text } = depsOf(site)
    const { missing } = await packSupport(deps, [], target)
    t.match([...missing].sort()[0], /^drivers.json: no daemon/)
    t.match(text('missing.txt'), /volumes.json: no daemon/)
    t.match(text('database.json'), /CREATE TABLE of \/var\/lib\/convoy/)
    t.match(text('config.json'), /plugin-socket/)
  },
)

t.test('what cannot be read is named, and everything else is packed', async (t) => {
  const unreadable = new ConvoyError('unavailable', 'the disk is gone')
  const { deps, text } = depsOf(new FakeSite(), {
    readLog: () => Promise.reject(unreadable),
    mountInfo: () => {
      throw unreadable
    },
  })
  const { missing } = await packSupport(deps, [], target)
  t.ok(missing.includes('daemon.log: the disk is gone'))
  t.ok(missing.includes('mountinfo.txt: the disk is gone'))
  t.match(text('config.json'), /plugin-socket/)
})

t.test('no secret gets in, wherever it stands', async (t) => {
  const site = new FakeSite()
  const stream: SupportDeps['source']['stream'] = async ({ onText }) => {
    onText(`data: {"volume":"db","token":"${secret}"}\n`)
  }
  site.answers['/v1/info'] = { General: { Version: '1', Secret: secret } } as never
  site.answers['/v1/config'].options.push({
    ...{ name: 's3.secret-access-key', value: secret, source: 'file' },
    overrides: [{ value: secret, source: 'CONVOY_S3_SECRET' }] as never,
  })
  site.answers['/v1/config'].warnings.push(`CONVOY_PASSWORD=${secret} is no option`)
  site.answers['/v1/summaries'] = [{ name: 'db', driver: 'vfs', options: { password: secret } }] as never
  site.answers['/v1/diagnosis']['databaseError'] = `https://me:${secret}@host`
  const { deps, text } = depsOf(site, {
    source: { ...site.source, stream },
    versions: async () => ({ note: `Bearer ${secret}` }),
    mountInfo: () => `1 1 0:1 / /m rw - cifs //s/x rw,password=${secret}\n`,
    pluginFiles: () => [{ address: `tcp://me:${secret}@host:1` }],
    readLog: async () => `{"msg":"failed","authorization":"Basic ${secret}"}\n`,
  })
  const finding = { severity: 'error', what: `api_key=${secret}`, why: '' } as const
  const { files } = await packSupport(deps, [{ check: 'x', sound: 'y', findings: [finding] }], target)
  for (const { name } of files) t.notMatch(text(name), secret, name)
  t.match(text('config.json'), /\(removed\)/)
})
