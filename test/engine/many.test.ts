import { readFile } from 'node:fs/promises'
import type { DockerEngine } from './docker-engine.js'
import { engineSuite } from './harness.js'

engineSuite('many at once', (t, { engine, convoy, namespace }) => {
  for (const kind of ['shared', 'distinct'] as const)
    t.test(`100 parallel runs on ${kind} volumes all succeed and leave no mount`, async (t) => {
      const volume = (index: number): string => (kind === 'shared' ? 'shared' : `distinct${index}`)
      const indexes = Array.from({ length: 100 }, (_, index) => index)
      const failures = await Promise.all(indexes.map(async (index) => failureOf(runOnce(engine, volume(index), index))))
      t.same(
        failures.filter((failure) => failure !== undefined),
        [],
      )
      for (const index of indexes)
        t.equal(await readFile(convoy.volumePath(volume(index), String(index)), 'utf8'), 'ran\n')
      const counts = await Promise.all([...new Set(indexes.map(volume))].map(async (name) => convoy.mountCount(name)))
      t.same(new Set(counts), new Set([0]))
    })

  t.test('DK17 an engine that knows 3,000 volumes restarts with all of them and their labels', async (t) => {
    const created = await inParallel(3000, 16, async (index) => {
      const body = { Name: `v${index}`, Driver: 'convoy', Labels: { index: String(index) } }
      return (await engine.api('POST', '/v1.41/volumes/create', body)).status
    })
    t.same(new Set(created), new Set([201]))
    await engine.stop()
    const logged = (await readFile(namespace.log('dockerd'), 'utf8')).length
    await engine.start()
    const inspected = await inParallel(3000, 16, async (index) => {
      const { text } = await engine.api('GET', `/v1.41/volumes/v${index}`)
      return (JSON.parse(text) as { Labels?: { index?: string } }).Labels?.index === String(index)
    })
    t.equal(inspected.filter((kept) => kept).length, 3000, 'every label was kept')
    const log = (await readFile(namespace.log('dockerd'), 'utf8')).slice(logged)
    t.notMatch(log, /resource temporarily unavailable/, 'no connection was refused')
    t.notMatch(log, /Unable to connect to plugin/, 'no call was retried')
  })
})

/** One `docker run --rm` without the client's start-up cost. */
async function runOnce(engine: DockerEngine, volume: string, index: number): Promise<void> {
  const created = await engine.api('POST', '/v1.41/containers/create', {
    Image: 'busybox',
    Cmd: ['sh', '-c', `echo ran > /data/${index}`],
    HostConfig: { NetworkMode: 'none', VolumeDriver: 'convoy', Binds: [`${volume}:/data`] },
  })
  expectStatus(created, 201)
  const { Id } = JSON.parse(created.text) as { Id: string }
  expectStatus(await engine.api('POST', `/v1.41/containers/${Id}/start`), 204)
  const waited = await engine.api('POST', `/v1.41/containers/${Id}/wait`)
  if ((JSON.parse(waited.text) as { StatusCode: number }).StatusCode !== 0) throw new Error(waited.text)
  expectStatus(await engine.api('DELETE', `/v1.41/containers/${Id}?force=1`), 204)
}

function expectStatus(answer: { status: number; text: string }, status: number): void {
  if (answer.status !== status) throw new Error(`${answer.status}: ${answer.text}`)
}

async function failureOf(work: Promise<void>): Promise<string | undefined> {
  return await work.then(
    () => undefined,
    (error: unknown) => String(error),
  )
}

async function inParallel<T>(count: number, workers: number, work: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) results.push(await work(next++))
  }
  await Promise.all(Array.from({ length: workers }, worker))
  return results
}
