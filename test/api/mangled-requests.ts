import fc from 'fast-check'
import type { FuzzRequest } from './described-requests.js'

/** Bytes as no proper client sends them, and how it leaves. */
export interface MangledRequest {
  /** Written one after another. */
  readonly pieces: readonly Buffer[]
  readonly ending: 'waits' | 'half-closes' | 'hangs up'
}

type Mangle = (bytes: Buffer) => Buffer

const bytesOf = (text: string) => Buffer.from(text, 'latin1')

export function wireForm({ method, url, payload = '', headers = {} }: FuzzRequest): Buffer {
  const lines = Object.entries({ Host: '', 'Content-Length': Buffer.byteLength(payload), ...headers })
  const head = [`${method} ${url} HTTP/1.1`, ...lines.map((line) => line.join(': '))]
  return Buffer.concat([bytesOf(`${head.join('\r\n')}\r\n\r\n`), Buffer.from(payload)])
}

const startLines = [
  ...['', 'GET', 'GET /', 'GET / HTTP/0.9', 'GET / HTTP/1.0', 'GET / HTTP/9.9', 'BREW / HTTP/1.1', 'get / HTTP/1.1'],
  ...['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'CONNECT x:1 HTTP/1.1', 'OPTIONS * HTTP/1.1', 'TRACE / HTTP/1.1'],
  ...['HEAD /v1/volumes HTTP/1.1', 'POST http://x/VolumeDriver.Get HTTP/1.1', 'POST //VolumeDriver.Get HTTP/1.1'],
  ...['GET /v1/volumes/%zz HTTP/1.1', 'GET /v1/volumes/%ff HTTP/1.1', 'GET /v1/volumes/%00 HTTP/1.1'],
  ...['GET /v1/volumes/\u0000 HTTP/1.1', 'GET /v1/volumes/\u00ff HTTP/1.1', 'POST /VolumeDriver.Get?x=[ HTTP/1.1'],
  ...[`GET /${'x'.repeat(100_000)} HTTP/1.1`, `GET /v1/volumes/${'%41'.repeat(3000)} HTTP/1.1`],
  '\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003',
]

const headers = [
  ...['5', '0', '-1', '+1', '0x10', '1e3', ' ', '99999999999999999999', '18446744073709551615'].map(
    (length) => `Content-Length: ${length}`,
  ),
  ...['chunked', 'chunked, identity', 'gzip, chunked', 'xchunked', ' \u000bchunked'].map(
    (coding) => `Transfer-Encoding: ${coding}`,
  ),
  ...['Expect: 100-continue', 'Expect: x', 'Connection: upgrade\r\nUpgrade: websocket', 'Connection: close'],
  ...[
    'Host: a\r\nHost: b',
    ' folded',
    'no colon',
    ': no name',
    'Na me: x',
    'X: \u0000',
    'X: \u00ff',
    'X: a\rb',
    'X: a\nY: b',
  ],
  ...['Content-Encoding: gzip', 'Content-Type: application/json; charset=utf-16', 'Content-Type: text/html'],
  ...['Content-Type: \u00ff', 'Content-Type: application/json;;;=', 'Accept: x/y', 'Last-Event-ID: \u0000'],
  Array.from({ length: 2500 }, (_, index) => `X-${index}: x`).join('\r\n'),
  `Cookie: ${'x'.repeat(20_000)}`,
  `${'x'.repeat(20_000)}: x`,
]

const bodies = [
  ...['[', '{"a":', '[{"Name":'].map((opening) => opening.repeat(20_000)),
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  ...['{"Name":"\u00ff\u00fe"}', '{"Name":"\u00c0\u00af"}', '{"Name":"\u00ed\u00a0\u0080"}', '{"Name":"\\ud800"}'],
  ...[
    '{"Name":"db","Name":"web"}',
    '{"Name":1e999}',
    '{"Name":"db\u0000"}',
    '\u00ef\u00bb\u00bf{"Name":"db"}',
    '\u0000',
  ],
  ...[
    '{"__proto__":{"Name":"db"}}',
    '{"name":"db","options":{"constructor":"x"}}',
    `{"Name":"${'x'.repeat(1_100_000)}"}`,
  ],
]

const chunks = [
  ...[
    '0\r\n\r\n',
    '2\r\n{}\r\n0\r\n\r\n',
    '2\r\n{}\r\n0\r\nX: y\r\n\r\n',
    '2;x="y\r\n{}\r\n',
    '2\r\n{}',
    '2\r\n{}xx0\r\n',
  ],
  ...[
    '-1\r\n',
    'g\r\n',
    '\r\n',
    'ffffffffffffffff\r\nx',
    '10000000000000000\r\nx',
    '00000000000000000002\r\n{}\r\n0\r\n\r\n',
  ],
  ...[`2;${'x'.repeat(50_000)}\r\n{}\r\n0\r\n\r\n`, `0\r\n${'X: y\r\n'.repeat(5000)}\r\n`, '1\r\n{\r\n'.repeat(5000)],
]

const pieces = ['\u0000', '\u00ff\u00fe', '\r\n', '\r\n\r\n', '\n', '\r', ' ', ':', '"', '{', '%', 'x'.repeat(70_000)]

const places = fc.double({ min: 0, max: 1, noNaN: true })
const at = (bytes: Buffer, place: number) => Math.floor(place * bytes.length)

interface Splice {
  readonly place: number
  readonly removed: number
  readonly inserted: string
}

function splice({ place, removed, inserted }: Splice): Mangle {
  return (bytes) => {
    const start = at(bytes, place)
    return Buffer.concat([bytes.subarray(0, start), bytesOf(inserted), bytes.subarray(start + removed)])
  }
}

/** The parts before and behind the line of the method, and the body. */
function split(bytes: Buffer): readonly [line: Buffer, rest: Buffer, head: Buffer] {
  const line = Math.max(0, bytes.indexOf('\r\n'))
  const end = bytes.indexOf('\r\n\r\n')
  return [bytes.subarray(0, line), bytes.subarray(line), bytes.subarray(0, end < 0 ? bytes.length : end)]
}

const mangles: fc.Arbitrary<Mangle> = fc.oneof(
  places.map(
    (place): Mangle =>
      (bytes) =>
        bytes.subarray(0, at(bytes, place)),
  ),
  fc.record({ place: places, removed: fc.nat(20), inserted: fc.constantFrom('', ...pieces) }).map(splice),
  fc
    .record({ place: places, removed: fc.constant(1), inserted: fc.string({ unit: 'binary', minLength: 1 }) })
    .map(splice),
  fc.integer({ min: 2, max: 30 }).map(
    (times): Mangle =>
      (bytes) =>
        Buffer.concat(Array<Buffer>(times).fill(bytes)),
  ),
  fc.constantFrom(...startLines).map(
    (line): Mangle =>
      (bytes) =>
        Buffer.concat([bytesOf(line), split(bytes)[1]]),
  ),
  fc.constantFrom(...headers).map((header): Mangle => (bytes) => {
    const [line, rest] = split(bytes)
    return Buffer.concat([line, bytesOf(`\r\n${header}`), rest])
  }),
  fc.constantFrom(...bodies).map((body): Mangle => (bytes) => {
    return wireForm({
      method: 'POST',
      url: urlOf(bytes),
      payload: body,
      headers: { 'Content-Type': 'application/json' },
    })
  }),
  fc.constantFrom(...chunks).map((body): Mangle => (bytes) => {
    const [, , head] = split(bytes)
    return Buffer.concat([head, bytesOf(`\r\nTransfer-Encoding: chunked\r\n\r\n${body}`)])
  }),
)

const urlOf = (bytes: Buffer) => /^\S+ (\S+)/.exec(bytes.toString('latin1', 0, 300))?.[1] ?? '/'

/** Real requests, mostly with something wrong with them, cut anywhere on their way. */
export function mangledRequests(requests: fc.Arbitrary<FuzzRequest>): fc.Arbitrary<MangledRequest> {
  return fc
    .record({
      bytes: requests.map(wireForm),
      wrong: fc.array(mangles, { maxLength: 3 }),
      cuts: fc.oneof(fc.constant('everywhere' as const), fc.array(places, { maxLength: 3 })),
      ending: fc.constantFrom('waits', 'half-closes', 'hangs up'),
    })
    .map(({ bytes, wrong, cuts, ending }) => {
      const mangled = wrong.reduce((last, mangle) => mangle(last), bytes)
      return { pieces: cuts === 'everywhere' ? singleBytes(mangled) : cutAt(mangled, cuts), ending } as const
    })
}

/** Each byte by itself, as far as somebody would have the time to send it. */
function singleBytes(bytes: Buffer): readonly Buffer[] {
  const alone = Array.from(bytes.subarray(0, 300), (byte) => Buffer.of(byte))
  return [...alone, bytes.subarray(300)]
}

function cutAt(bytes: Buffer, cuts: readonly number[]): readonly Buffer[] {
  const ends = [...cuts.map((place) => at(bytes, place)), bytes.length].sort((a, b) => a - b)
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
}
