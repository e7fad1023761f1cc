import t, { type Test } from 'tap'
import { FakeControlServer, type SeenRequest } from '../fakes/control-server.js'
import { type Outcome, runInProcess } from '../fakes/command-line.js'

interface Bench {
  readonly server: FakeControlServer
  /** Runs with the fake's socket. */
  readonly convoy: (...argv: readonly string[]) => Promise<Outcome>
  readonly requests: readonly SeenRequest[]
}

async function bench(t: Test, ...volumes: readonly string[]): Promise<Bench> {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  for (const name of volumes) server.volumes.set(name, { Name: name, Driver: 'vfs', MountPoint: '' })
  const convoy = (...argv: readonly string[]) => runInProcess(['--socket', server.socketPath, ...argv])
  return { server, convoy, requests: server.requests }
}

t.test('info prints what the daemon says of itself', async (t) => {
  const { convoy, requests } = await bench(t)
  const { code, out, err } = await convoy('info')
  t.equal(code, 0)
  t.same(JSON.parse(out), { General: { Root: '/var/lib/convoy' } })
  t.equal(err, '')
  t.same(requests, [{ method: 'GET', url: '/v1/info', body: undefined }])
})

t.test('create prints the bare name', async (t) => {
  const { convoy, requests } = await bench(t)
  t.match(await convoy('create', 'db'), { code: 0, out: 'db\n', err: '' })
  t.same(requests, [{ method: 'POST', url: '/v1/volumes', body: { name: 'db', options: {} } }])
})

t.test('create without a name prints the one that the daemon chose', async (t) => {
  const { convoy, requests } = await bench(t)
  t.match(await convoy('create'), { code: 0, out: 'volume-0123456789abcdef\n' })
  t.same(requests[0]?.body, { options: {} })
})

t.test('create --verbose prints the volume', async (t) => {
  const { convoy } = await bench(t)
  const { out } = await convoy('create', 'db', '--verbose')
  t.match(JSON.parse(out), { Name: 'db', Driver: 'vfs' })
})

t.test('create hands every flag over as an option', async (t) => {
  const { convoy, requests } = await bench(t)
  const flags = ['--size', '10G', '--id', 'vol-1', '--type', 'gp3', '--iops', '3000', '--vm', '--driver', 'ebs']
  const later = ['--backup', 's3://b@r/p/?backup=x&volume=y', '--s3-endpoint', 'http://s3:9000']
  await convoy('create', 'db', ...flags, ...later)
  t.same(requests[0]?.body, {
    name: 'db',
    driver: 'ebs',
    options: {
      size: '10G',
      id: 'vol-1',
      type: 'gp3',
      iops: '3000',
      vm: 'true',
      backup: 's3://b@r/p/?backup=x&volume=y',
      endpoint: 'http://s3:9000',
    },
  })
})

t.test('-o may be repeated, does not split on commas and takes anything behind the first =', async (t) => {
  const { convoy, requests } = await bench(t)
  await convoy('create', 'db', '-o', 'a=1,b=2', '--opt', 'c=d=e', '-o', 'flag', '-opt', 'empty=', '-osize=1G')
  t.same(requests[0]?.body, { name: 'db', options: { a: '1,b=2', c: 'd=e', flag: '', empty: '', size: '1G' } })
})

t.test('an option named __proto__ reaches the daemon like any other', async (t) => {
  const { convoy, server } = await bench(t)
  await convoy('create', 'db', '-o', '__proto__=x', '-o', 'constructor=y')
  const { options } = server.requests[0]?.body as { options: object }
  t.same(Object.getOwnPropertyNames(options), ['__proto__', 'constructor'])
})

t.test('an option with two values is refused before anything is sent', async (t) => {
  const { convoy, requests } = await bench(t)
  const { code, out } = await convoy('create', 'db', '--size', '1G', '-o', 'size=2G')
  t.equal(code, 1)
  t.match(JSON.parse(out), { Error: 'option "size" has two values', Code: 'invalid-argument' })
  t.match(await convoy('create', 'x', '-o', 'a=1', '-o', 'a=2'), { code: 1 })
  t.equal(requests.length, 0)
  t.match(await convoy('create', 'db', '--size', '1G', '-o', 'size=1G'), { code: 0 }, 'the same value twice is one')
})

t.test('flags may come with one dash and behind the name', async (t) => {
  const { convoy, requests } = await bench(t)
  await convoy('create', '-size', '10G', 'db', '-driver=vfs', '-vm')
  t.same(requests[0]?.body, { name: 'db', driver: 'vfs', options: { size: '10G', vm: 'true' } })
})

t.test('the value of a flag may look like a global flag', async (t) => {
  const { convoy, requests } = await bench(t)
  await convoy('create', '--id', '-v', 'db', '-o', '--debug')
  t.same(requests[0]?.body, { name: 'db', options: { id: '-v', '--debug': '' } })
})

t.test('what the daemon refuses is an error with its reason and hint, and exit code 1', async (t) => {
  const { convoy } = await bench(t)
  const { code, out, err } = await convoy('inspect', 'nope')
  t.equal(code, 1)
  t.same(JSON.parse(out), { Error: 'volume "nope" does not exist', Code: 'not-found' })
  t.equal(err, 'convoy: volume "nope" does not exist ("convoy list" shows the volumes)\n')
})

t.test('create of an existing or bad name is the daemon’s to refuse', async (t) => {
  const { convoy } = await bench(t, 'db')
  t.match(JSON.parse((await convoy('create', 'db')).out), { Code: 'already-exists' })
  t.match(JSON.parse((await convoy('create', '../../evil')).out), { Code: 'invalid-argument' })
  t.match(JSON.parse((await convoy('create', '')).out), { Code: 'invalid-argument' }, 'no name is generated for ""')
})

t.test('list prints all volumes by name, or those of a driver', async (t) => {
  const { convoy, server, requests } = await bench(t, 'a', 'b')
  server.volumes.set('c', { Name: 'c', Driver: 'ebs' })
  t.same(Object.keys(JSON.parse((await convoy('list')).out) as object), ['a', 'b', 'c'])
  t.same(JSON.parse((await convoy('list', '--driver', 'ebs')).out), { c: { Name: 'c', Driver: 'ebs' } })
  t.equal((await convoy('list', '-driver', 'a&b=c')).out, '{}\n')
  t.same(
    requests.map(({ url }) => url),
    ['/v1/volumes', '/v1/volumes?driver=ebs', '/v1/volumes?driver=a%26b%3Dc'],
  )
})

t.test('inspect prints all that the daemon tells of a volume', async (t) => {
  const { convoy, server } = await bench(t)
  const volume = { Name: 'db', Driver: 'vfs', State: 'attached', DriverInfo: { Path: '/x' }, Later: [1] }
  server.volumes.set('db', volume)
  t.same(JSON.parse((await convoy('inspect', 'db')).out), volume)
})

t.test('delete moves to the trash and prints nothing', async (t) => {
  const { convoy, server, requests } = await bench(t, 'db')
  t.match(await convoy('delete', 'db'), { code: 0, out: '', err: '' })
  t.ok(server.trash.has('db'))
  t.same(requests, [{ method: 'DELETE', url: '/v1/volumes/db', body: undefined }])
})

for (const flag of ['--reference', '-reference', '-r', '--reference=true'])
  t.test(`delete ${flag} only forgets`, async (t) => {
    const { convoy, requests } = await bench(t, 'db')
    await convoy('delete', 'db', flag)
    t.equal(requests[0]?.url, '/v1/volumes/db?reference=true')
  })

t.test('delete goes on with the next volume when one fails, and still fails', async (t) => {
  const { convoy, server } = await bench(t, 'a', 'c')
  const { code, out } = await convoy('delete', 'a', 'b', 'c')
  t.equal(code, 1)
  t.match(JSON.parse(out), { Error: 'volume "b" does not exist' })
  t.equal(server.volumes.size, 0)
})

t.test('delete without a volume is refused', async (t) => {
  const { convoy, requests } = await bench(t)
  t.match(await convoy('delete'), { code: 1, err: /missing required argument.*convoy delete --help/ })
  t.equal(requests.length, 0)
})

for (const name of [
  '',
  '.',
  '..',
  '../x',
  'a/b',
  '/abs',
  '%2e%2e',
  'db?reference=true',
  'a b',
  'db\n',
  'ü',
  '__proto__',
])
  t.test(`a name that is none never becomes a URL: ${JSON.stringify(name)}`, async (t) => {
    const { convoy, requests } = await bench(t, 'db')
    for (const command of ['delete', 'inspect', 'mount', 'umount', 'undelete'])
      t.match(JSON.parse((await convoy(command, name)).out), { Code: 'invalid-argument' }, command)
    t.equal(requests.length, 0)
  })

t.test('a name behind -- is a name even if it looks like a flag', async (t) => {
  const { convoy } = await bench(t)
  t.match(JSON.parse((await convoy('delete', '--', '-reference')).out), { Error: '"-reference" is not a volume name' })
})

t.test('undelete prints the name under which the volume is back', async (t) => {
  const { convoy, server, requests } = await bench(t, 'db', 'web')
  await convoy('delete', 'db', 'web')
  t.match(await convoy('undelete', 'db'), { code: 0, out: 'db\n' })
  t.match(await convoy('undelete', 'web', '--as', 'web2'), { code: 0, out: 'web2\n' })
  t.same([...server.volumes.keys()], ['db', 'web2'])
  t.same(requests.slice(2), [
    { method: 'POST', url: '/v1/volumes/db/undelete', body: {} },
    { method: 'POST', url: '/v1/volumes/web/undelete', body: { as: 'web2' } },
  ])
})

t.test('mount prints the mountpoint', async (t) => {
  const { convoy, requests } = await bench(t, 'db')
  t.match(await convoy('mount', 'db'), { code: 0, out: '/volumes/db\n' })
  t.match(await convoy('mount', 'db', '--mountpoint', '/mnt/db'), { out: '/mnt/db\n' })
  t.same(requests, [
    { method: 'POST', url: '/v1/volumes/db/mount', body: {} },
    { method: 'POST', url: '/v1/volumes/db/mount', body: { mountpoint: '/mnt/db' } },
  ])
})

t.test('a relative mountpoint is meant from here, and an empty one does not mean here', async (t) => {
  const { convoy, requests } = await bench(t, 'db')
  t.match(await convoy('mount', 'db', '--mountpoint', 'sub'), { out: `${process.cwd()}/sub\n` })
  await convoy('mount', 'db', '--mountpoint', '')
  t.same(requests[1]?.body, { mountpoint: '' })
})

t.test('umount prints nothing', async (t) => {
  const { convoy, requests } = await bench(t, 'db')
  t.match(await convoy('umount', 'db'), { code: 0, out: '', err: '' })
  t.same(requests, [{ method: 'POST', url: '/v1/volumes/db/unmount', body: {} }])
})
