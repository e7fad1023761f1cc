import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { DockerEngine } from '../../src/host/docker-engine.js'

/** An engine that answers what it is told to, by method and path. */
async function engine(t: Pick<Test, 'teardown'>, answers: Readonly<Record<string, readonly [number, unknown]>>) {
  const directory = mkdtempSync(join(tmpdir(), 'convoy-docker-'))
  const socketPath = join(directory, 'docker.sock')
  const asked: string[] = []
  const server = createServer(({ method, url }, response) => {
    const { pathname, search } = new URL(url ?? '', 'http://docker')
    asked.push(`${method ?? ''} ${decodeURIComponent(pathname + search)}`)
    const [status, body] = answers[`${method ?? ''} ${pathname}`] ?? [404, { message: 'page not found' }]
    response.writeHead(status, { 'content-type': 'application/json' }).end(status === 204 ? '' : JSON.stringify(body))
  })
  await new Promise<void>((listening) => server.listen(socketPath, listening))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
    rmSync(directory, { recursive: true, force: true })
  })
  return { docker: new DockerEngine(socketPath), asked }
}

t.test('the engine says which plugins it uses and whether it is in a swarm', async (t) => {
  const info = { ServerVersion: '29.1', Plugins: { Volume: ['local', 'convoy'] }, Swarm: { LocalNodeState: 'active' } }
  const { docker } = await engine(t, { 'GET /info': [200, info] })
  t.same(await docker.facts(), { version: '29.1', volumePlugins: ['local', 'convoy'], isInSwarm: true })
  const bare = await engine(t, { 'GET /info': [200, { Plugins: { Volume: null } }] })
  t.same(await bare.docker.facts(), { version: 'unknown', volumePlugins: [], isInSwarm: false })
})

t.test('volumes come with their drivers', async (t) => {
  const { docker } = await engine(t, { 'GET /volumes': [200, { Volumes: [{ Name: 'db', Driver: 'local', Size: 1 }] }] })
  t.same(await docker.listVolumes(), [{ name: 'db', driver: 'local' }])
  const none = await engine(t, { 'GET /volumes': [200, { Volumes: null }] })
  t.same(await none.docker.listVolumes(), [])
})

t.test('of stopped containers those with volumes are looked at; one that goes meanwhile is none', async (t) => {
  const volume = { Type: 'volume', Name: 'db', Driver: 'convoy' }
  const { docker, asked } = await engine(t, {
    'GET /containers/json': [
      200,
      [
        { Id: 'a', Mounts: [volume] },
        { Id: 'gone', Mounts: [volume] },
        { Id: 'bare', Mounts: [{ Type: 'bind' }] },
      ],
    ],
    'GET /containers/a/json': [
      200,
      {
        ...{
          Name: '/shop',
          State: { Error: 'error while mounting volume' },
          HostConfig: { RestartPolicy: { Name: '' } },
        },
        Mounts: [volume, { Type: 'bind' }],
      },
    ],
  })
  t.same(await docker.listStopped(), [
    {
      ...{ id: 'a', name: 'shop', error: 'error while mounting volume', restartPolicy: 'no' },
      volumes: [{ name: 'db', driver: 'convoy' }],
    },
  ])
  t.match(asked[0], /status.*created.*exited/)
  t.notMatch(asked.join(), 'bare')
})

t.test('what the engine says of a start that fails is the error', async (t) => {
  const { docker } = await engine(t, {
    'POST /containers/a/start': [204, undefined],
    'POST /containers/b/start': [500, { message: 'error while mounting volume: no disk' }],
    'POST /containers/runs/start': [304, undefined],
  })
  await docker.start('a')
  await docker.start('runs')
  await t.rejects(docker.start('gone'), { code: 'not-found' })
  await t.rejects(docker.start('b'), { code: 'unavailable', message: /^error while mounting volume: no disk/ })
})

t.test('an engine that does not answer is given up', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'convoy-docker-'))
  const server = createServer(() => undefined)
  const path = join(directory, 'docker.sock')
  await new Promise<void>((listening) => server.listen(path, listening))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
    rmSync(directory, { recursive: true, force: true })
  })
  await t.rejects(new DockerEngine(path).facts(), { code: 'unavailable', message: /did not answer within 5 s/ })
})

t.test('without an engine, the reason names its socket', async (t) => {
  await t.rejects(new DockerEngine('/no/docker.sock').facts(), {
    code: 'unavailable',
    message: 'there is no socket of Docker (/no/docker.sock)',
  })
})
