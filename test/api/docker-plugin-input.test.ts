import fc from 'fast-check'
import { existsSync } from 'node:fs'
import t from 'tap'
import { within } from '../engine/polling.js'
import { bytesUntilClosed, RawClient } from './raw-client.js'
import { ServedWorld } from './served-world.js'

const isSoak = process.env['CONVOY_SOAK'] === '1'
const methods = ['Create', 'Get', 'List', 'Mount', 'Unmount', 'Path', 'Remove', 'Capabilities'] as const

async function errorOf(served: ServedWorld, path: string, body: string): Promise<unknown> {
  const { status, text } = await served.plugin.send(`VolumeDriver.${path}`, body)
  if (status !== 200) throw new Error(`${path} answered ${status}`)
  return (JSON.parse(text) as { readonly Err?: unknown }).Err
}

t.test('22: names that could lead elsewhere are refused, and nothing is made of them', async (t) => {
  const served = await ServedWorld.start(t)
  const names = [
    ...['../../evil', '/abs', 'a/b', '..', '.', '', '-x', 'a\n', '\n', 'a\0', 'a b', '%2e%2e', 'ünï', '.convoy', '_x'],
    ...['x'.repeat(129), 'x'.repeat(10_000), 'a\\b', '~', '*', '$(id)', '\u202eevil', 'create x/../../../escape'],
  ]
  for (const name of names) {
    for (const path of ['Create', 'Mount', 'Unmount', 'Remove', 'Get', 'Path']) {
      const error = await errorOf(served, path, JSON.stringify({ Name: name, ID: 'a1', Opts: null }))
      t.match(error, /not a volume name/, `${path} ${JSON.stringify(name).slice(0, 40)}`)
      t.notMatch(error, /[\n\0]/, 'S49: the answer is one line')
      t.ok(String(error).length < 500, 'and not as long as the name')
    }
  }
  t.equal(served.world.storages.directory.pieces.size, 0)
  t.equal(served.world.ledger.volumes.size, 0)
  t.notOk(existsSync('/tmp/escape'))
})

t.test('S04: names and options that objects have anyway are nothing special', async (t) => {
  const served = await ServedWorld.start(t)
  for (const name of ['constructor', 'toString', 'hasOwnProperty', 'valueOf', 'then']) {
    t.match(await served.plugin.get(name), { Err: `no such volume: ${name}` })
    t.strictSame(await served.plugin.create(name), {})
    t.match(await served.plugin.get(name), { Volume: { Name: name } })
  }
  for (const option of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '']) {
    const body = `{"Name":"db","Opts":{${JSON.stringify(option)}:"x"}}`
    t.match(await errorOf(served, 'Create', body), `unknown volume option ${JSON.stringify(option)}`)
  }
  t.match(await errorOf(served, 'Create', '{"Name":"__proto__"}'), /not a volume name/)
  t.match(await errorOf(served, 'Create', '{"__proto__":{"Name":"db"}}'), /a missing name/)
  t.equal(({} as { readonly Name?: string }).Name, undefined)
})

t.test('11: options may be missing, null or empty, and else must be texts', async (t) => {
  const served = await ServedWorld.start(t)
  for (const [index, options] of ['', ',"Opts":null', ',"Opts":{}', ',"Opts":{"size":"1g"}'].entries()) {
    t.equal(await errorOf(served, 'Create', `{"Name":"v${index}"${options}}`), undefined, options)
  }
  for (const options of [
    '[]',
    '"size=1g"',
    '7',
    'true',
    '{"size":1}',
    '{"size":null}',
    '{"size":{"a":"b"}}',
    '["a"]',
  ]) {
    t.match(await errorOf(served, 'Create', `{"Name":"db","Opts":${options}}`), /object of strings/, options)
  }
  t.equal(served.world.ledger.volumes.size, 4)
})

t.test('S38: sizes that are no whole number of bytes are refused with what is allowed', async (t) => {
  const served = await ServedWorld.start(t)
  for (const size of [
    '1e309',
    '-1',
    '9007199254740993',
    '0x10',
    '1.5g',
    ' 1g',
    '',
    'g',
    '99999999999999999999',
    'NaN',
  ]) {
    t.match(
      await errorOf(served, 'Create', JSON.stringify({ Name: 'db', Opts: { size } })),
      /^volume option size: /,
      size,
    )
  }
  t.equal(served.world.ledger.volumes.size, 0)
})

t.test('11: an option of 64 KB, and 10,000 options, are refused in a short line', async (t) => {
  const served = await ServedWorld.start(t)
  const long = 'x'.repeat(64 * 1024)
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`option${index}`, 'x']))
  for (const options of [{ size: long }, { [long]: 'x' }, { onRemove: long }, { driver: long }, many]) {
    const error = await errorOf(served, 'Create', JSON.stringify({ Name: 'db', Opts: options }))
    t.type(error, 'string')
    t.ok(String(error).length < 1000, String(error).slice(0, 80))
  }
  t.equal(served.world.ledger.volumes.size, 0)
})

t.test('9: what is no JSON object is refused, fields that we do not know are ignored', async (t) => {
  const served = await ServedWorld.start(t)
  const bodies = [
    '[]',
    '[{"Name":"db"}]',
    '7',
    '"db"',
    'true',
    'null',
    '{',
    '{"Name":"db"',
    "{'Name':'db'}",
    'Name=db',
    '\0',
  ]
  for (const body of bodies) {
    for (const path of ['Create', 'Mount', 'Unmount', 'Remove', 'Path', 'Get']) {
      t.match(await errorOf(served, path, body), /not a JSON object/, `${path} ${body}`)
    }
  }
  const more = '{"Name":"db","ID":"a1","name":"other","Extra":{"deep":[[[[1]]]]},"Name2":null}'
  t.equal(await errorOf(served, 'Create', more), undefined)
  t.match(await served.plugin.get('db'), { Volume: { Name: 'db' } })
})

t.test('S35: a body of 2 MB is refused, deep JSON is read without a crash', async (t) => {
  const served = await ServedWorld.start(t)
  const connection = await served.connect()
  const large = JSON.stringify({ Name: 'db', Opts: { size: 'x'.repeat(2 * 1024 * 1024) } })
  t.match(await connection.request('VolumeDriver.Create', large), { status: 200, body: /"Err":".*too large/ })
  const depth = 100_000
  const [deep, endless] = [`${'['.repeat(depth)}${']'.repeat(depth)}`, '['.repeat(5 * depth)]
  for (const [body, expected] of [
    [`{"Name":"db","Opts":{"a":${deep}}}`, /object of strings/],
    [`{"Name":"db","Ignored":${deep}}`, /^\{\}$/],
    [endless, /not a JSON object/],
  ] as const) {
    const client = await served.connect()
    t.match(await client.request('VolumeDriver.Create', body), { status: 200, body: expected })
    client.close()
  }
})

t.test('bytes that are not UTF-8 are refused or ignored, never fatal', async (t) => {
  const served = await ServedWorld.start(t)
  const property = fc.asyncProperty(
    fc.constantFrom(...methods),
    fc.uint8Array({ minLength: 1, maxLength: 60 }),
    async (method, bytes) => {
      const head = `POST /VolumeDriver.${method} HTTP/1.1\r\nHost: \r\nConnection: close\r\nContent-Length: ${bytes.length}\r\n\r\n`
      await within(
        'an answer',
        bytesUntilClosed(served.pluginSocket, Buffer.concat([Buffer.from(head), bytes])),
        20_000,
      )
    },
  )
  await fc.assert(property, { numRuns: 200 })
  t.strictSame(await served.plugin.list(), [])
})

const names = fc.oneof(fc.constantFrom('db', 'vol1', 'vol10', '', '..', '__proto__'), fc.string(), fc.anything())
const requests = fc.oneof(
  { weight: 4, arbitrary: fc.record({ Name: names, ID: names, Opts: fc.anything() }, { requiredKeys: [] }) },
  { weight: 1, arbitrary: fc.record({ Name: fc.constant('db'), Opts: fc.dictionary(fc.string(), fc.string()) }) },
  { weight: 1, arbitrary: fc.anything() },
)
const bodies = fc.oneof(
  { weight: 4, arbitrary: requests.map(stringify) },
  { weight: 1, arbitrary: fc.json() },
  { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
  { weight: 1, arbitrary: requests.map(stringify).chain((text) => fc.nat(text.length).map((at) => text.slice(0, at))) },
)

function stringify(value: unknown): string {
  const text: unknown = JSON.stringify(value, (_key, one: unknown) => (typeof one === 'bigint' ? String(one) : one))
  // It makes none of undefined, whatever its type says.
  return typeof text === 'string' ? text : ''
}

t.test('DK14: thousands of random bodies get an answer each, and every volume has a good name', async (t) => {
  const served = await ServedWorld.start(t, { policy: { onDockerRemove: 'trash' } })
  let connection = await served.connect()
  let hungUp = 0
  const property = fc.asyncProperty(fc.constantFrom(...methods), bodies, async (method, body) => {
    const answer = await within('an answer', connection.request(`VolumeDriver.${method}`, body), 20_000)
    if (answer === 'closed') {
      // Only where a wrong answer would do harm.
      if (method !== 'Get') throw new Error(`${method} was not answered`)
      hungUp++
      connection = await RawClient.open(served.pluginSocket)
      return
    }
    const json: unknown = JSON.parse(answer.body)
    if (answer.status !== 200 || typeof json !== 'object' || json === null) throw new Error(answer.body)
    const { Err } = json as { readonly Err?: unknown }
    if (Err !== undefined && (typeof Err !== 'string' || Err === '')) throw new Error(answer.body)
    if (typeof Err === 'string' && Err.includes('unexpected')) throw new Error(answer.body)
  })
  await fc.assert(property, { numRuns: isSoak ? 100_000 : 4000 })
  t.ok(hungUp < 2000)
  t.ok([...served.world.ledger.volumes.keys()].every((name) => /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(name)))
  t.notOk(served.world.log.has('unexpected'))
})
