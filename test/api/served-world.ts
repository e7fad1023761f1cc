import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { ApiDeps } from '../../src/api/api-deps.js'
import { createControlServer } from '../../src/api/control-server.js'
import { createPluginServer } from '../../src/api/server.js'
import type { Policy } from '../../src/core/core-deps.js'
import type { Driver } from '../../src/drivers/driver.js'
import type { ConvoyError } from '../../src/errors.js'
import { listenOnPath } from '../../src/host/sockets.js'
import { httpOverSocket, type HttpAnswer, PluginClient } from '../engine/plugin-client.js'
import { World } from '../fakes/world.js'
import { FakeTimers } from './fake-timers.js'
import { RawClient } from './raw-client.js'

export interface ServedWorldSettings {
  readonly policy?: Partial<Policy>
  readonly api?: Partial<ApiDeps>
  /** Why the database cannot be used: the daemon is degraded. */
  readonly damage?: ConvoyError
  /** The daemon has not asked its storage yet. */
  readonly isUnstarted?: boolean
  readonly decorate?: (driver: Driver) => Driver
}

/** A daemon in memory whose two sockets are real. */
export class ServedWorld {
  readonly world: World
  readonly plugin: PluginClient
  readonly pluginSocket: string
  readonly controlSocket: string
  readonly timers = new FakeTimers()
  readonly servers: { readonly plugin: FastifyInstance; readonly control: FastifyInstance }

  private constructor(world: World, directory: string, api: Partial<ApiDeps>) {
    this.world = world
    this.pluginSocket = join(directory, 'plugin.sock')
    this.controlSocket = join(directory, 'control.sock')
    this.plugin = new PluginClient(this.pluginSocket)
    const { core, log } = world
    const { start: startTimer } = this.timers
    const deps = {
      core,
      log,
      startTimer,
      version: '1.2.3',
      notifications: { list: async () => [], test: async () => [] },
      createOnDockerMount: false,
      mountDeadlineMs: 100_000,
      general: { Root: '/root' },
      describeConfig: () => ({ options: [], profiles: {}, warnings: [], needsRestart: [] }),
      ...api,
    }
    this.servers = { plugin: createPluginServer(deps), control: createControlServer(deps) }
  }

  static async start(t: Pick<Test, 'teardown'>, settings: ServedWorldSettings = {}): Promise<ServedWorld> {
    const world = World.unstarted(settings.policy)
    if (settings.damage !== undefined) {
      await world.recover()
      await world.ledger.backup(world.clock.now())
      world.database.damage = settings.damage
      world.begin()
    }
    if (settings.decorate !== undefined) {
      world.decorate = settings.decorate
      world.begin()
    }
    if (settings.isUnstarted !== true) await world.recover()
    // Not below the checkout: the path of a socket has at most 107 bytes.
    const directory = mkdtempSync(join(tmpdir(), 'convoy-api-'))
    const served = new ServedWorld(world, directory, settings.api ?? {})
    const { plugin, control } = served.servers
    await Promise.all([plugin.ready(), control.ready()])
    await listenOnPath(plugin.server, served.pluginSocket)
    await listenOnPath(control.server, served.controlSocket)
    t.teardown(async () => {
      for (const { server } of [plugin, control]) server.closeAllConnections()
      await Promise.all([plugin.close(), control.close()])
      rmSync(directory, { recursive: true, force: true })
    })
    return served
  }

  connect(): Promise<RawClient> {
    return RawClient.open(this.pluginSocket)
  }

  /** How many connections Docker's socket has. */
  countConnections(): Promise<number> {
    return new Promise((resolve, reject) =>
      this.servers.plugin.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error))),
    )
  }

  /** A request of the command line. */
  async control(method: string, path: string, body?: unknown): Promise<ControlAnswer> {
    const sent =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
    return parse(await httpOverSocket(this.controlSocket, { method, path, ...sent }))
  }
}

export interface ControlAnswer {
  readonly status: number
  /** The JSON of the answer. */
  readonly body: Readonly<Record<string, unknown>>
}

function parse({ status, text }: HttpAnswer): ControlAnswer {
  // Tests compare what they expect of it.
  return { status, body: JSON.parse(text) as Readonly<Record<string, unknown>> }
}

/** Lets a driver's method begin, and end only once it is opened. */
export class Gate {
  readonly #method: keyof Driver
  #reached: () => void = () => undefined
  #open: () => void = () => undefined
  /** Resolves once somebody waits at the gate. */
  readonly reached = new Promise<void>((resolve) => (this.#reached = resolve))
  readonly #opened = new Promise<void>((resolve) => (this.#open = resolve))

  constructor(method: keyof Driver) {
    this.#method = method
  }

  open(): void {
    this.#open()
  }

  /** The driver with the gate before that method. */
  readonly decorate = (driver: Driver): Driver =>
    new Proxy(driver, {
      get: (target, property) => {
        const value: unknown = Reflect.get(target, property, target)
        if (typeof value !== 'function') return value
        const method = value.bind(target) as (...args: unknown[]) => unknown
        if (property !== this.#method) return method
        return async (...args: unknown[]) => {
          this.#reached()
          await this.#opened
          return method(...args)
        }
      },
    })
}
