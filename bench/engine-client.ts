import { Agent } from 'node:http'
import { httpOverSocket } from '../test/engine/plugin-client.js'

/** The engine's API on one kept connection: what the `docker` command does without starting a program each time. */
export class EngineClient {
  readonly #socketPath: string
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })

  constructor(socketPath: string) {
    this.#socketPath = socketPath
  }

  async createVolume(name: string, driver: string): Promise<void> {
    await this.#ask(201, 'POST', '/volumes/create', { Name: name, Driver: driver })
  }

  async inspectVolume(name: string): Promise<void> {
    await this.#ask(200, 'GET', `/volumes/${name}`)
  }

  async removeVolume(name: string): Promise<void> {
    await this.#ask(204, 'DELETE', `/volumes/${name}`)
  }

  async listVolumes(): Promise<void> {
    await this.#ask(200, 'GET', '/volumes')
  }

  /** Resolves to the container's id. */
  async createContainer(volume: string): Promise<string> {
    const host = { NetworkMode: 'none', Binds: [`${volume}:/data`] }
    const text = await this.#ask(201, 'POST', '/containers/create', {
      Image: 'busybox',
      Cmd: ['true'],
      HostConfig: host,
    })
    // The engine's answer to a create.
    return (JSON.parse(text) as { readonly Id: string }).Id
  }

  async startContainer(id: string): Promise<void> {
    await this.#ask(204, 'POST', `/containers/${id}/start`)
  }

  async untilContainerEnds(id: string): Promise<void> {
    await this.#ask(200, 'POST', `/containers/${id}/wait`)
  }

  async removeContainer(id: string): Promise<void> {
    await this.#ask(204, 'DELETE', `/containers/${id}`)
  }

  close(): void {
    this.#agent.destroy()
  }

  async #ask(expected: number, method: string, path: string, body?: object): Promise<string> {
    const text = body === undefined ? '' : JSON.stringify(body)
    const headers = body === undefined ? {} : { 'Content-Type': 'application/json' }
    const request = { method, path: `/v1.41${path}`, body: text, headers: { Host: 'docker', ...headers } }
    const answer = await httpOverSocket(this.#socketPath, { ...request, agent: this.#agent })
    if (answer.status !== expected) throw new Error(`${method} ${path} answered ${answer.status}: ${answer.text}`)
    return answer.text
  }
}
