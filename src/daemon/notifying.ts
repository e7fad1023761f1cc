import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Notifications, NotificationsDeps, NotifyReport, NotifyTest } from '../core/notifications.js'
import { ConvoyError } from '../errors.js'
import type { NotifyTarget } from '../model/notify-target.js'

/** Between two attempts to tell a target of something. */
const pausesMs = { first: 1000, longest: 5 * 60_000 }

type NotifyingDeps = Pick<NotificationsDeps, 'events' | 'ledger' | 'hostId' | 'log'> & {
  /** Of this daemon. */
  readonly name: string
}

/** Notifications, which most hosts do not have: loaded with the first target that is configured. */
export class Notifying {
  readonly #deps: NotifyingDeps
  #notifications: Notifications | undefined
  #following: Promise<void> = Promise.resolve()

  constructor(deps: NotifyingDeps) {
    this.#deps = deps
  }

  /** These are the targets from now on. One change at a time. */
  follow(targets: readonly NotifyTarget[]): Promise<void> {
    this.#following = this.#following.then(() => this.#follow(targets))
    return this.#following
  }

  async list(): Promise<readonly NotifyReport[]> {
    await this.#following
    return (await this.#notifications?.list()) ?? []
  }

  async test(names: readonly string[]): Promise<readonly NotifyTest[]> {
    await this.#following
    if (this.#notifications !== undefined) return this.#notifications.test(names)
    throw new ConvoyError('not-found', 'there are no targets of notifications', {
      hint: 'name some below "notify" in the configuration file, and send the daemon SIGHUP',
    })
  }

  savePositions(): void {
    this.#notifications?.savePositions()
  }

  async stop(): Promise<void> {
    await this.#following
    await this.#notifications?.stop()
  }

  async #follow(targets: readonly NotifyTarget[]): Promise<void> {
    const isKnown = this.#deps.ledger.setting('notify-positions') !== undefined
    if (targets.length === 0 && this.#notifications === undefined && !isKnown) return
    this.#notifications ??= await this.#load()
    await this.#notifications.follow(targets)
  }

  async #load(): Promise<Notifications> {
    const [core, host] = await Promise.all([import('../core/notifications.js'), import('../host/notifier.js')])
    const { name, ...deps } = this.#deps
    return new core.Notifications({
      ...deps,
      pausesMs,
      notifier: new host.SystemNotifier(),
      origin: { host: hostname(), daemon: name },
      now: () => new Date(),
      newId: randomUUID,
    })
  }
}
