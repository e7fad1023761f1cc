import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { PluginClient } from '../test/engine/plugin-client.js'

const server = `
const names = new Set()
const mountpoint = (Name) => '/tmp/' + Name
const answers = {
  '/Plugin.Activate': () => ({ Implements: ['VolumeDriver'] }),
  '/VolumeDriver.Capabilities': () => ({ Capabilities: { Scope: 'local' } }),
  '/VolumeDriver.Create': ({ Name }) => (names.add(Name), {}),
  '/VolumeDriver.Remove': ({ Name }) => (names.delete(Name), {}),
  '/VolumeDriver.Get': ({ Name }) => names.has(Name)
    ? { Volume: { Name, Mountpoint: mountpoint(Name) } }
    : { Err: 'no such volume: ' + Name },
  '/VolumeDriver.List': () => ({ Volumes: [...names].map((Name) => ({ Name, Mountpoint: mountpoint(Name) })) }),
}
require('node:http').createServer((request, response) => {
  let body = ''
  request.on('data', (data) => (body += data))
  request.on('end', () => response.end(JSON.stringify(answers[request.url]?.(JSON.parse(body || '{}')) ?? {})))
}).listen(process.argv[1])`

/** A plugin in Node that keeps nothing: what the client, the socket and node:http cost without us. It cannot mount. */
export class InstantPlugin {
  readonly #process: ChildProcess
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 })
  readonly #client: PluginClient

  private constructor(socketPath: string) {
    this.#process = spawn(process.execPath, ['-e', server, socketPath], { stdio: 'inherit' })
    this.#client = new PluginClient(socketPath, this.#agent)
  }

  static async start(socketPath: string): Promise<InstantPlugin> {
    const plugin = new InstantPlugin(socketPath)
    while (!existsSync(socketPath)) await sleep(5)
    return plugin
  }

  async get(): Promise<void> {
    await this.#client.get('any')
  }

  stop(): void {
    this.#agent.destroy()
    this.#process.kill()
  }
}
