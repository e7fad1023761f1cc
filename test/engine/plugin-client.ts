import http from 'node:http'

/** What the plugin answers: one JSON object per call. */
export interface PluginAnswer {
  readonly Err?: string
  readonly Implements?: readonly string[]
  readonly Capabilities?: { readonly Scope: string }
  readonly Mountpoint?: string
  readonly Volume?: PluginVolume
  readonly Volumes?: readonly PluginVolume[]
}

export interface PluginVolume {
  readonly Name: string
  readonly Mountpoint?: string
  readonly CreatedAt?: string
  readonly Status?: Readonly<Record<string, unknown>>
}

export interface HttpAnswer {
  readonly status: number
  readonly headers: http.IncomingHttpHeaders
  readonly text: string
}

export interface HttpRequest {
  readonly path: string
  readonly method?: string
  readonly body?: string
  readonly headers?: http.OutgoingHttpHeaders
  readonly agent?: http.Agent
}

/** Speaks to a unix socket as the engine does: POST, an empty Host, no Content-Type. */
export async function httpOverSocket(socketPath: string, request: HttpRequest): Promise<HttpAnswer> {
  const { path, method = 'POST', body = '', headers = {}, agent } = request
  return await new Promise<HttpAnswer>((resolve, reject) => {
    const sent = http.request(
      {
        socketPath,
        path,
        method,
        setHost: false,
        headers: { Host: '', 'Content-Length': Buffer.byteLength(body), ...headers },
        ...(agent && { agent }),
      },
      (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (data: string) => (text += data))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
        response.on('error', reject)
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

/** The volume plugin protocol, spoken straight to the plugin's socket. */
export class PluginClient {
  readonly socketPath: string
  readonly #agent: http.Agent | undefined

  constructor(socketPath: string, agent?: http.Agent) {
    this.socketPath = socketPath
    this.#agent = agent
  }

  /** Rejects unless the answer is 200 and a JSON object. */
  async call(path: string, argument?: object): Promise<PluginAnswer> {
    const body = argument === undefined ? '' : `${JSON.stringify(argument)}\n`
    const answer = await this.send(path, body)
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}: ${answer.text}`)
    return parseAnswer(answer.text)
  }

  async send(path: string, body: string, headers: http.OutgoingHttpHeaders = {}): Promise<HttpAnswer> {
    const agent = this.#agent
    return await httpOverSocket(this.socketPath, { path: `/${path}`, body, headers, ...(agent && { agent }) })
  }

  async create(name: string, options?: Readonly<Record<string, string>>): Promise<PluginAnswer> {
    return await this.call('VolumeDriver.Create', { Name: name, Opts: options ?? null })
  }

  async get(name: string): Promise<PluginAnswer> {
    return await this.call('VolumeDriver.Get', { Name: name })
  }

  async list(): Promise<readonly PluginVolume[]> {
    return (await this.call('VolumeDriver.List', {})).Volumes ?? []
  }

  async mount(name: string, id: string): Promise<PluginAnswer> {
    return await this.call('VolumeDriver.Mount', { Name: name, ID: id })
  }

  async unmount(name: string, id: string): Promise<PluginAnswer> {
    return await this.call('VolumeDriver.Unmount', { Name: name, ID: id })
  }

  async remove(name: string): Promise<PluginAnswer> {
    return await this.call('VolumeDriver.Remove', { Name: name })
  }
}

export function parseAnswer(text: string): PluginAnswer {
  const answer: unknown = JSON.parse(text)
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) throw new Error(`no object: ${text}`)
  // Every field is optional and compared by the tests.
  return answer
}
