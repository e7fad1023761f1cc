import t from 'tap'
import { BatchedLookups } from '../../../src/drivers/ebs/batched-lookups.js'
import { ConvoyError } from '../../../src/errors.js'
import { never, turns, VirtualTime } from './virtual-time.js'

interface Thing {
  readonly id: string
  readonly askedAs: number
}

/** Something with things in it that refuses requests for others, as EC2 does. */
class Ec2 {
  readonly time = new VirtualTime()
  readonly requests: (readonly string[])[] = []
  readonly signals: AbortSignal[] = []
  readonly unknown = new Set<string>()
  isNaming = true
  isNamingAll = false
  failure: ConvoyError | undefined
  delayMs = 0
  readonly lookups = new BatchedLookups<Thing>({
    nowMs: this.time.nowMs,
    pause: this.time.pause,
    action: 'DescribeThings',
    mostIds: 200,
    idOf: ({ id }) => id,
    isAboutIds: (thrown) => thrown instanceof ConvoyError && thrown.code === 'not-found',
    ask: async (ids, signal) => {
      const askedAs = this.requests.push(ids)
      this.signals.push(signal)
      if (this.delayMs > 0) await this.time.pause(this.delayMs)
      if (this.failure !== undefined) throw this.failure
      const unknown = ids.filter((id) => this.unknown.has(id))
      if (unknown.length === 0) return ids.map((id) => ({ id, askedAs }))
      const named = this.isNaming ? (this.isNamingAll ? ids : unknown).map((id) => `'${id}'`).join(', ') : 'some'
      throw new ConvoyError('not-found', `The things ${named} do not exist.`)
    },
  })

  find = (id: string, signal = never) => this.lookups.find(id, signal)
}

const ids = (count: number) => Array.from({ length: count }, (_, number) => `vol-${number}`)

t.test('EB09 calls of one moment are one request, with so many ids as one may have', async (t) => {
  const ec2 = new Ec2()
  const found = await ec2.time.until(Promise.all([...ids(450), ...ids(450)].map((id) => ec2.find(id))))
  t.same(
    found.map((one) => one?.id),
    [...ids(450), ...ids(450)],
  )
  t.same(
    ec2.requests.map(({ length }) => length),
    [200, 200, 50],
  )
})

t.test('EB09 whoever polls, all together have one request per second', async (t) => {
  const ec2 = new Ec2()
  const poll = async (id: string) => {
    while (ec2.time.nowMs() < 60_000) await ec2.find(id)
  }
  await ec2.time.until(Promise.all(ids(100).map(poll)))
  t.ok(ec2.requests.length > 45 && ec2.requests.length <= 61, String(ec2.requests.length))
})

t.test('EB09 one call after a rest is answered at once', async (t) => {
  const ec2 = new Ec2()
  await ec2.time.until(ec2.find('vol-1'))
  await ec2.time.until(ec2.find('vol-1'))
  t.ok(ec2.time.nowMs() < 20)
})

t.test('EB06 an answer is never older than the call', async (t) => {
  const ec2 = new Ec2()
  ec2.delayMs = 100
  const first = ec2.find('vol-1')
  await ec2.time.until(ec2.time.pause(50))
  t.equal(ec2.requests.length, 1, 'under way')
  const second = ec2.find('vol-1')
  t.same(
    (await ec2.time.until(Promise.all([first, second]))).map((one) => one?.askedAs),
    [1, 2],
  )
})

t.test('EB10 ids that EC2 does not know are absent, and all others are found', async (t) => {
  const ec2 = new Ec2()
  for (const id of ['vol-3', 'vol-77']) ec2.unknown.add(id)
  const expected = ids(100).map((id) => (ec2.unknown.has(id) ? undefined : id))
  const findAll = async () =>
    (await ec2.time.until(Promise.all(ids(100).map((id) => ec2.find(id))))).map((one) => one?.id)
  t.same(await findAll(), expected)
  t.same(
    ec2.requests.map(({ length }) => length),
    [100, 98],
  )
  t.same(await findAll(), expected)
  t.same(
    ec2.requests
      .slice(2)
      .map(({ length }) => length)
      .sort(),
    [1, 1, 2, 98],
    'the next time they are asked about apart',
  )
  ec2.unknown.clear()
  t.same(await findAll(), ids(100))
  ec2.requests.length = 0
  t.same(await findAll(), ids(100))
  t.same(ec2.requests, [ids(100)], 'those that are known now are asked about with the others')
})

t.test('EB10 when the refusal does not say which ones, they are searched for', async (t) => {
  const ec2 = new Ec2()
  ec2.isNaming = false
  for (const id of ['vol-0', 'vol-7']) ec2.unknown.add(id)
  const found = await ec2.time.until(Promise.all(ids(16).map((id) => ec2.find(id))))
  t.same(
    found.map((one) => one?.id),
    ids(16).map((id) => (ec2.unknown.has(id) ? undefined : id)),
  )
  t.ok(ec2.requests.length < 16, String(ec2.requests.length))
})

t.test('EB10 a refusal that names those that are known, too, is not believed', async (t) => {
  const ec2 = new Ec2()
  ec2.isNamingAll = true
  ec2.unknown.add('vol-1')
  const found = await ec2.time.until(Promise.all(ids(3).map((id) => ec2.find(id))))
  t.same(
    found.map((one) => one?.id),
    ['vol-0', undefined, 'vol-2'],
  )
})

t.test('EB05 a look-up that fails is no absence', async (t) => {
  const ec2 = new Ec2()
  ec2.failure = new ConvoyError('unavailable', 'EC2 is away')
  for (const result of await ec2.time.until(Promise.allSettled(ids(3).map((id) => ec2.find(id)))))
    t.same(result, { status: 'rejected', reason: ec2.failure })
  ec2.failure = undefined
  t.match(await ec2.time.until(ec2.find('vol-1')), { id: 'vol-1' })
})

t.test('EB09 one that leaves takes nobody along; when all have left, the request ends', async (t) => {
  const ec2 = new Ec2()
  ec2.delayMs = 100
  const ends = [new AbortController(), new AbortController()]
  const looked = ends.map(({ signal }) => ec2.find('vol-1', signal))
  await ec2.time.until(ec2.time.pause(50))
  ends[0]!.abort()
  await t.rejects(looked[0]!, { code: 'deadline-exceeded', message: /DescribeThings/ })
  t.notOk(ec2.signals[0]?.aborted)
  t.match(await ec2.time.until(looked[1]!), { id: 'vol-1' })

  const last = new AbortController()
  const alone = ec2.find('vol-2', last.signal)
  await ec2.time.until(ec2.time.pause(50))
  last.abort()
  await t.rejects(alone, { code: 'deadline-exceeded' })
  t.ok(ec2.signals[1]?.aborted)
  await t.rejects(ec2.find('vol-2', last.signal), { code: 'deadline-exceeded' })
  await turns()
})
