import t from 'tap'
import { runInProcess } from '../fakes/command-line.js'
import { FakeControlServer } from '../fakes/control-server.js'

t.test('drivers shows the drivers, the default one, and the options of their volumes', async (t) => {
  const server = await FakeControlServer.start()
  t.teardown(() => server.close())
  const size = { name: 'size', placeholder: 'SIZE', help: 'how large' }
  const driver = { attachMode: 'shared', description: { Path: '/v' }, volumeOptions: [size, { ...size, name: 'uid' }] }
  server.answers.set('GET /v1/drivers', [
    { name: 'vfs', isDefault: true, ...driver },
    { name: 'ebs', isDefault: false, ...driver, attachMode: 'exclusive', volumeOptions: [] },
  ])
  const convoy = (...argv: readonly string[]) => runInProcess(['-s', server.socketPath, 'drivers', ...argv])
  t.match(await convoy(), {
    code: 0,
    out: 'NAME  DEFAULT  ATTACH     VOLUME OPTIONS\nvfs   yes      shared     size uid\nebs            exclusive\n',
  })
  t.equal((await convoy('-q')).out, 'vfs\nebs\n')
  const [line = ''] = (await convoy('--format', 'json')).out.split('\n')
  t.match(JSON.parse(line), { Name: 'vfs', IsDefault: true, AttachMode: 'shared', Description: { Path: '/v' } })
})
