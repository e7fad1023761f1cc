import t from 'tap'
import { type Ec2Action, Ec2Requests } from '../../../src/drivers/ebs/ec2-requests.js'
import { never, VirtualTime } from './virtual-time.js'

/** As the SDK throws it. */
const refusal = (name: string, httpStatusCode: number, message = name) =>
  Object.assign(new Error(message), { name, $metadata: { httpStatusCode } })

/** With the SDK loaded, which takes real time. */
async function setUp() {
  const time = new VirtualTime()
  const region = () => Promise.resolve('eu-west-1')
  const requests = new Ec2Requests({ region, nowMs: time.nowMs, pause: time.pause, random: () => 0.5 })
  await requests.call('DeleteTags', never, () => Promise.resolve())
  return { time, requests }
}

/** So many requests per second, and not more, for each action. */
class Bucket {
  readonly #time: VirtualTime
  readonly #perSecond: number
  readonly #filled = new Map<string, { tokens: number; atMs: number }>()
  refusals = 0

  constructor(time: VirtualTime, perSecond: number) {
    this.#time = time
    this.#perSecond = perSecond
  }

  readonly take = (action: string): Promise<string> => {
    const atMs = this.#time.nowMs()
    const before = this.#filled.get(action) ?? { tokens: this.#perSecond, atMs }
    const tokens = Math.min(this.#perSecond, before.tokens + ((atMs - before.atMs) / 1000) * this.#perSecond)
    this.#filled.set(action, { tokens: tokens < 1 ? tokens : tokens - 1, atMs })
    if (tokens >= 1) return Promise.resolve(action)
    this.refusals++
    return Promise.reject(refusal('RequestLimitExceeded', 503))
  }
}

t.test('EB09 a hundred requests at once are all made where EC2 allows two per second', async (t) => {
  const { time, requests } = await setUp()
  const bucket = new Bucket(time, 2)
  const call = () => requests.call('AttachVolume', never, () => bucket.take('AttachVolume'))
  await time.until(Promise.all(Array.from({ length: 100 }, call)))
  t.ok(time.nowMs() < 80_000, `${time.nowMs()} ms`)
  t.ok(bucket.refusals < 100, `${bucket.refusals} refusals`)
})

t.test('EB09 reads that wait keep no write waiting', async (t) => {
  const { time, requests } = await setUp()
  const reads = Array.from({ length: 200 }, () => requests.call('DescribeVolumes', never, () => Promise.resolve()))
  await time.until(requests.call('AttachVolume', never, () => Promise.resolve()))
  t.equal(time.nowMs(), 0)
  await time.until(Promise.all(reads))
  t.ok(time.nowMs() > 10_000, 'which did wait')
})

t.test('EB09 a call that is throttled ends with its signal', async (t) => {
  const { time, requests } = await setUp()
  const end = new AbortController()
  const call = requests.call('CreateVolume', end.signal, () => Promise.reject(refusal('RequestLimitExceeded', 503)))
  await time.until(time.pause(60_000))
  end.abort()
  await t.rejects(time.until(call), { code: 'deadline-exceeded', message: /CreateVolume/ })
})

t.test('EB09 one without an end is throttled for some minutes, and then says so', async (t) => {
  const { time, requests } = await setUp()
  const call = requests.call('CreateVolume', never, () => Promise.reject(refusal('Throttling', 400)))
  await t.rejects(time.until(call), { code: 'unavailable', message: /Throttling/, hint: /in a minute/ })
  t.ok(time.nowMs() >= 300_000)
})

const cases: readonly (readonly [string, Error, number, { code: string; message?: RegExp; hint?: RegExp }])[] = [
  ['a failure of EC2', refusal('InternalError', 500), 5, { code: 'unavailable', message: /InternalError/ }],
  [
    'a network that is away',
    Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' }),
    5,
    { code: 'unavailable', hint: /ebs\.endpoint/ },
  ],
  ['a refusal', refusal('InvalidParameterValue', 400), 1, { code: 'invalid-argument' }],
  ['a defect of ours', new TypeError('x is not a function'), 1, { code: 'unavailable' }],
]

for (const [what, thrown, attempts, expected] of cases)
  t.test(`EB01 ${what} is met ${attempts} times`, async (t) => {
    const { time, requests } = await setUp()
    let asked = 0
    const action: Ec2Action = 'CreateVolume'
    const call = requests.call(action, never, () => {
      asked++
      return Promise.reject(thrown)
    })
    await t.rejects(time.until(call), expected)
    t.equal(asked, attempts)
  })

t.test('EB29 a call ends with its signal, also when credentials are waited for that never come', async (t) => {
  const { requests } = await setUp()
  const end = new AbortController()
  const call = requests.call('CreateVolume', end.signal, () => {
    setImmediate(() => end.abort())
    return new Promise<void>(() => undefined)
  })
  await t.rejects(call, { code: 'deadline-exceeded', message: /CreateVolume/ })
})

t.test('EB28 without a region nobody is asked, and the next call looks for it again', async (t) => {
  const time = new VirtualTime()
  let looked = 0
  const region = () => {
    looked++
    return Promise.reject(new Error('no region'))
  }
  const requests = new Ec2Requests({ region, nowMs: time.nowMs, pause: time.pause })
  for (let call = 1; call <= 2; call++) {
    await t.rejects(time.until(requests.call('CreateVolume', never, () => t.fail('asked') as never)), {
      code: 'unavailable',
      message: /no region/,
    })
    t.equal(looked, call)
  }
})
