import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A request as the control API sees it. */
export interface SeenRequest {
  readonly method: string
  readonly url: string
  readonly body: unknown
}

type Volume = Readonly<Record<string, unknown>>
type Answer = readonly [status: number, body: unknown]

/** Takes over a request before the fake looks at it; `false` leaves it to the fake. */
export type Override = (request: SeenRequest, response: ServerResponse) => boolean

/** The daemon's control API on a unix socket: remembers volumes, and refuses unknown, doubled and badly named ones. */
export class FakeControlServer {
  readonly requests: SeenRequest[] = []
  readonly volumes = new Map<string, Volume>()
  readonly trash = new Map<string, Volume>()
  /** Each `GET /v1/jobs/:id` takes the next of its states; the last one stays. */
  readonly jobs = new Map<string, Volume[]>()
  /** What it is asked besides, `GET /v1/summaries` for example, and what it says then. */
  readonly answers = new Map<string, unknown>()
  override: Override = () => false
  readonly #server: Server
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  static async start(): Promise<FakeControlServer> {
    const server = new FakeControlServer(await mkdtemp(join(tmpdir(), 'convoy-cli-')))
    await server.listen()
    return server
  }

  get socketPath(): string {
    return join(this.#folder, 'convoy.sock')
  }

  listen(): Promise<void> {
    return new Promise((resolve, reject) => this.#server.once('error', reject).listen(this.socketPath, resolve))
  }

  /** Like a daemon that stops: its socket is gone. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async close(): Promise<void> {
    await this.stop()
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = await readRequest(request)
    this.requests.push(seen)
    if (this.override(seen, response)) return
    const known = this.answers.get(`${seen.method} ${seen.url}`)
    const [status, body] = known === undefined ? this.#answer(seen) : ([200, known] as const)
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

  #answer({ method, url, body }: SeenRequest): Answer {
    const { pathname, searchParams } = new URL(url, 'http://convoy')
    const [, version, noun, name, action] = pathname.split('/')
    if (version !== 'v1') return refuse(404, 'not-found', `no route ${pathname}`)
    if (noun === 'info' && method === 'GET') return [200, { General: { Root: '/var/lib/convoy' } }]
    if (noun === 'volumes' && name === undefined) {
      return method === 'POST' ? this.#create(body) : [200, this.#list(searchParams.get('driver'))]
    }
    if (noun === 'volumes' && action === 'undelete') return this.#undelete(name!, body)
    if (noun === 'volumes') return this.#volume(name!, `${method} ${action ?? ''}`, body)
    if (noun === 'jobs') return this.#job(name, action)
    return refuse(404, 'not-found', `no route ${pathname}`)
  }

  #list(driver: string | null): Readonly<Record<string, Volume>> {
    const listed = [...this.volumes].filter(([, volume]) => driver === null || volume['Driver'] === driver)
    return Object.fromEntries(listed)
  }

  #create(body: unknown): Answer {
    const { name = 'volume-0123456789abcdef', driver = 'vfs' } = body as { name?: string; driver?: string }
    if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(name)) return refuse(400, 'invalid-argument', 'that is no name')
    if (this.volumes.has(name)) return refuse(409, 'already-exists', `volume "${name}" exists`)
    const volume = { Name: name, Driver: driver, MountPoint: '', Snapshots: {} }
    this.volumes.set(name, volume)
    return [201, volume]
  }

  #undelete(name: string, body: unknown): Answer {
    const volume = this.trash.get(name)
    if (volume === undefined) return refuse(404, 'not-found', `nothing named "${name}" is in the trash`)
    const { as = name } = body as { as?: string }
    this.trash.delete(name)
    this.volumes.set(as, { ...volume, Name: as })
    return [200, this.volumes.get(as)]
  }

  #volume(name: string, action: string, body: unknown): Answer {
    const volume = this.volumes.get(name)
    if (volume === undefined) {
      return refuse(404, 'not-found', `volume "${name}" does not exist`, '"convoy list" shows the volumes')
    }
    switch (action) {
      case 'GET ':
        return [200, volume]
      case 'DELETE ':
        this.volumes.delete(name)
        this.trash.set(name, volume)
        return [200, {}]
      case 'POST mount':
        return [200, { MountPoint: (body as { mountpoint?: string }).mountpoint ?? `/volumes/${name}` }]
      case 'POST unmount':
        return [200, {}]
      default:
        return refuse(404, 'not-found', `no route for ${action}`)
    }
  }

  #job(id: string | undefined, action: string | undefined): Answer {
    if (id === undefined) return [200, [...this.jobs.values()].map((states) => states[0])]
    const states = this.jobs.get(id)
    if (states === undefined) return refuse(404, 'not-found', `job "${id}" does not exist`)
    if (action === 'cancel') states.splice(0, states.length, { ...states[0], state: 'cancelled' })
    return [200, states.length > 1 ? states.shift() : states[0]]
  }
}

function refuse(status: number, code: string, message: string, hint?: string): Answer {
  return [status, { error: { code, message, ...(hint === undefined ? {} : { hint }) } }]
}

async function readRequest(request: IncomingMessage): Promise<SeenRequest> {
  let text = ''
  for await (const chunk of request) text += String(chunk)
  const body: unknown = text === '' ? undefined : JSON.parse(text)
  return { method: request.method ?? '', url: request.url ?? '', body }
}
