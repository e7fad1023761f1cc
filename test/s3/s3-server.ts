import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { FakeClock } from '../fakes/fake-clock.js'
import { type Account, checksumFault, signatureFault } from './signature.js'

/** What goes wrong with a request. `before` and `after` it was carried out the connection breaks; `cut` and
 * `corrupt` harm the answer; a gateway has a page of its own, and says that all is well. */
export type Mishap =
  | { readonly status: number; readonly code: string; readonly headers?: Readonly<Record<string, string>> }
  | 'reset-before'
  | 'reset-after'
  | 'cut'
  | 'corrupt'
  | 'corrupt-upload'
  | 'gateway-page'
  | 'empty-page'
  | 'hang'
  | 'stall'

export interface ServerFault {
  /** Of what {@link S3Server.requests} says of it. */
  readonly match: RegExp
  /** By default once. */
  readonly times?: number
  readonly what: Mishap
}

export interface S3ServerSettings {
  /** Of lists; by default 1000. */
  readonly pageSize?: number
  /** How `If-None-Match` is treated: some servers do not know it. */
  readonly conditions?: 'heeded' | 'ignored' | 'refused'
  /** Without it every request with a Range gets everything. */
  readonly ranges?: 'known' | 'ignored'
  /** Whether answers say when they were made. */
  readonly dates?: 'sent' | 'left-out'
  /** The server's clock is the machine's and this much ahead, and requests of another time are refused. */
  readonly aheadMs?: number
}

interface KeptObject {
  readonly body: Buffer
  readonly storedAtMs: number
  /** Of its put: checksum, encryption and class. */
  readonly headers: Readonly<Record<string, string>>
}

interface Answer {
  readonly status: number
  readonly body?: Buffer | string
  readonly headers?: Readonly<Record<string, string>>
}

class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
  ) {
    super(code)
  }
}

export const account: Account = { accessKeyId: 'test-key', secretAccessKey: 'test-secret', region: 'us-west-2' }
export const bucket = 'bucket'

/** A small S3 on the loopback with one bucket, which verifies what it is asked, and does wrong what a test says. */
export class S3Server {
  readonly objects = new Map<string, KeptObject>()
  readonly clock = new FakeClock()
  /** What was asked: `PUT <key>`, `GET <key>`, `GET <key> bytes=…`, `HEAD <key>`, `LIST <prefix>`, `REMOVE <how many>`. */
  readonly requests: string[] = []
  readonly faults: ServerFault[] = []
  /** Changes what a page of a list shows. */
  alterPage: (keys: readonly string[]) => readonly string[] = (keys) => keys
  /** What the server says of keys that are to be removed, instead of removing them. */
  refuseRemoval: (key: string) => string | undefined = () => undefined
  /** How many were made so far. */
  connections = 0
  readonly #settings: S3ServerSettings
  readonly #server: Server
  readonly #used = new Map<ServerFault, number>()

  constructor(settings: S3ServerSettings = {}) {
    this.#settings = settings
    this.#server = createServer((request, response) => void this.#serve(request, response))
    this.#server.on('connection', () => this.connections++)
  }

  /** Until the test ends. */
  async start(t: Pick<Test, 'teardown'>): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => {
      this.#server.closeAllConnections()
      this.#server.close()
    })
    return this
  }

  get endpoint(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`)
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // A client that was killed sends half of one.
    const body = await bodyOf(request).catch(() => undefined)
    if (body === undefined) return
    const url = new URL(request.url ?? '', 'http://server')
    const [, bucketName = '', ...rest] = url.pathname.split('/').map(decodeURIComponent)
    const asked = { request, body, query: url.searchParams, bucketName, key: rest.join('/') }
    const name = nameOf(asked)
    this.requests.push(name)
    const mishap = this.#mishapOf(name)
    if (mishap === 'reset-before') return void request.socket.destroy()
    if (mishap === 'hang') return
    if (mishap === 'gateway-page') {
      this.#send(response, { status: 200, body: '<html><body>Welcome</body></html>' })
      return
    }
    if (mishap === 'empty-page') {
      this.#send(response, { status: 200 })
      return
    }
    if (mishap === 'corrupt-upload') body[0] = (body[0] ?? 0) ^ 1
    const answer = typeof mishap === 'object' ? refused(mishap) : this.#carryOut(asked)
    if (mishap === 'reset-after') return void request.socket.destroy()
    this.#send(response, answer, mishap)
  }

  #mishapOf(name: string): Mishap | undefined {
    const fault = this.faults.find((one) => one.match.test(name) && (this.#used.get(one) ?? 0) < (one.times ?? 1))
    if (fault === undefined) return undefined
    this.#used.set(fault, (this.#used.get(fault) ?? 0) + 1)
    return fault.what
  }

  #send(response: ServerResponse, { status, body = '', headers }: Answer, mishap?: Mishap): void {
    const bytes = Buffer.from(body)
    const isHead = response.req.method === 'HEAD'
    response.sendDate = false
    response.writeHead(status, {
      ...(this.#settings.dates === 'left-out' ? {} : { date: new Date(this.#nowMs()).toUTCString() }),
      'content-length': bytes.length,
      ...headers,
    })
    if (isHead) return void response.end()
    if (mishap === 'corrupt') bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1
    if (mishap !== 'cut' && mishap !== 'stall') return void response.end(bytes)
    response.write(bytes.subarray(0, bytes.length >> 1), () => {
      // Later: what is in a socket that is destroyed at once may not arrive.
      if (mishap === 'cut') response.socket?.end()
    })
  }

  #carryOut(asked: Asked): Answer {
    try {
      return this.#act(asked)
    } catch (thrown) {
      if (thrown instanceof Refusal) return refused(thrown)
      throw thrown
    }
  }

  #act(asked: Asked): Answer {
    const { request, body, bucketName, key, query } = asked
    const { aheadMs } = this.#settings
    const fault = signatureFault(request, body, account) ?? checksumFault(request, body)
    if (fault !== undefined) throw new Refusal(fault === 'BadDigest' ? 400 : 403, fault)
    if (aheadMs !== undefined && Math.abs(parseAmzDate(request) - this.#nowMs()) > 15 * 60_000)
      throw new Refusal(403, 'RequestTimeTooSkewed')
    if (bucketName !== bucket) throw new Refusal(404, 'NoSuchBucket')
    if (key === '') return request.method === 'POST' && query.has('delete') ? this.#remove(asked) : this.#list(query)
    return request.method === 'PUT' ? this.#put(asked) : this.#get(asked)
  }

  #put({ request: { headers }, key, body }: Asked): Answer {
    const { conditions = 'heeded' } = this.#settings
    if (headers['if-none-match'] !== undefined) {
      if (conditions === 'refused') throw new Refusal(501, 'NotImplemented')
      if (conditions === 'heeded' && this.objects.has(key)) throw new Refusal(412, 'PreconditionFailed')
    }
    const kept = Object.entries(headers).filter(([name]) => /^x-amz-(?:checksum-sha256|server-side|storage)/.test(name))
    const storedAtMs = this.#nowMs()
    this.objects.set(key, { body, storedAtMs, headers: Object.fromEntries(kept) as Record<string, string> })
    return { status: 200, headers: { etag: etagOf(body) } }
  }

  #get({ request, key }: Asked): Answer {
    const object = this.objects.get(key)
    if (object === undefined) throw new Refusal(404, 'NoSuchKey')
    const { body, storedAtMs } = object
    const { headers: asked } = request
    const headers = { etag: etagOf(body), 'last-modified': new Date(storedAtMs).toUTCString() }
    if (asked['if-match'] !== undefined && asked['if-match'] !== headers.etag)
      throw new Refusal(412, 'PreconditionFailed')
    const range = this.#settings.ranges === 'ignored' ? undefined : asked.range
    if (range !== undefined) return rangeOf(body, range, headers)
    const sum = object.headers['x-amz-checksum-sha256']
    const sums = asked['x-amz-checksum-mode'] === 'ENABLED' && sum !== undefined ? { 'x-amz-checksum-sha256': sum } : {}
    return { status: 200, body, headers: { ...headers, ...sums, 'content-length': String(body.length) } }
  }

  #list(query: URLSearchParams): Answer {
    const prefix = query.get('prefix') ?? ''
    const after = query.get('continuation-token') ?? ''
    const all = [...this.objects.keys()].filter((key) => key.startsWith(prefix) && key > after).sort()
    const page = all.slice(0, this.#settings.pageSize ?? 1000)
    const next = page.length < all.length ? page.at(-1) : undefined
    const contents = this.alterPage(page).map((key) => {
      const { body, storedAtMs } = this.objects.get(key) ?? { body: Buffer.alloc(0), storedAtMs: 0 }
      const time = new Date(storedAtMs).toISOString()
      return `<Contents><Key>${encodeURIComponent(key)}</Key><LastModified>${time}</LastModified><Size>${body.length}</Size></Contents>`
    })
    const more = next === undefined ? '' : `<NextContinuationToken>${escape(next)}</NextContinuationToken>`
    const isTruncated = `<IsTruncated>${next !== undefined}</IsTruncated><EncodingType>url</EncodingType>`
    return xml(200, `<ListBucketResult>${isTruncated}${more}${contents.join('')}</ListBucketResult>`)
  }

  #remove({ request, body }: Asked): Answer {
    const keys = keysIn(body)
    if (request.headers['content-md5'] === undefined) throw new Refusal(400, 'InvalidRequest')
    if (keys.length > 1000) throw new Refusal(400, 'MalformedXML')
    const outcomes = keys.map((key) => {
      const code = this.refuseRemoval(key)
      if (code === undefined) this.objects.delete(key)
      return code === undefined
        ? `<Deleted><Key>${escape(key)}</Key></Deleted>`
        : `<Error><Key>${escape(key)}</Key><Code>${code}</Code></Error>`
    })
    return xml(200, `<DeleteResult>${outcomes.join('')}</DeleteResult>`)
  }

  #nowMs(): number {
    const { aheadMs } = this.#settings
    return aheadMs === undefined ? this.clock.now().getTime() : Date.now() + aheadMs
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks)
}

interface Asked {
  readonly request: IncomingMessage
  readonly body: Buffer
  readonly query: URLSearchParams
  readonly bucketName: string
  readonly key: string
}

function nameOf({ request, body, query, key }: Asked): string {
  if (key !== '') return [request.method, key, request.headers.range ?? []].flat().join(' ')
  return request.method === 'POST' ? `REMOVE ${keysIn(body).length}` : `LIST ${query.get('prefix') ?? ''}`
}

function rangeOf(body: Buffer, range: string, headers: Readonly<Record<string, string>>): Answer {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range) ?? []
  const start = first === '' ? Math.max(0, body.length - Number(last)) : Number(first)
  const end = first === '' ? body.length : Math.min(body.length, Number(last) + 1)
  if (start >= body.length || start >= end) throw new Refusal(416, 'InvalidRange')
  const contentRange = `bytes ${start}-${end - 1}/${body.length}`
  return { status: 206, body: body.subarray(start, end), headers: { ...headers, 'content-range': contentRange } }
}

const keysIn = (body: Buffer) =>
  [...body.toString().matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key]) => unescape(key ?? ''))

const refused = ({ status, code, headers }: { status: number; code: string; headers?: Answer['headers'] }): Answer => ({
  ...xml(status, `<Error><Code>${code}</Code><Message>page of a server, with a secret</Message></Error>`),
  headers: headers ?? {},
})

const xml = (status: number, text: string): Answer => ({
  status,
  body: `<?xml version="1.0" encoding="UTF-8"?>\n${text}`,
})

const etagOf = (body: Buffer) => `"${createHash('md5').update(body).digest('hex')}"`

function parseAmzDate({ headers }: IncomingMessage): number {
  return Date.parse(String(headers['x-amz-date']).replace(/^(....)(..)(..T..)(..)(.*)$/, '$1-$2-$3:$4:$5'))
}

const marks = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' } as const
const escape = (text: string) => text.replace(/[&<>"]/g, (mark) => marks[mark as keyof typeof marks])
const unescape = (text: string) =>
  Object.entries(marks).reduceRight((all, [mark, name]) => all.replaceAll(name, mark), text)
