import { ConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import { isFinished, type Job } from '../model/job.js'
import type { TrashedVolume } from '../model/volume.js'
import type { CoreDeps } from './core-deps.js'
import { volumeEvent } from './events.js'
import type { Holding } from './holding.js'
import type { Jobs } from './jobs.js'

/** Deleted volumes whose data is kept until their time is up; then a job removes it. */
export class Trash {
  readonly #deps: CoreDeps
  readonly #jobs: Jobs
  readonly #holding: Holding
  /** Entries that somebody is about to restore or to remove. */
  readonly #reserved = new Set<string>()

  constructor(deps: CoreDeps, parts: { readonly jobs: Jobs; readonly holding: Holding }) {
    this.#deps = deps
    this.#jobs = parts.jobs
    this.#holding = parts.holding
    this.#jobs.onFinished((job) => this.#finished(job))
  }

  /** What was deleted last comes first. */
  list(): readonly TrashedVolume[] {
    return [...this.#deps.ledger.trash.values()].sort((a, b) => b.trashedAt.localeCompare(a.trashedAt))
  }

  /** Lets the data of these go now instead of later; resolves to those that were still kept. */
  async empty(entries: readonly TrashedVolume[], call: CallContext): Promise<readonly TrashedVolume[]> {
    const { ledger, now } = this.#deps
    const expiresAt = now().toISOString()
    const kept = entries.filter(({ id, state }) => state === 'trashed' && !this.#reserved.has(id))
    if (kept.length > 0) {
      const due = kept.map((entry) => ({ put: 'trash', row: { ...entry, expiresAt } }) as const)
      await ledger.commit('trash-delete', ...due)
    }
    await this.sweep(call)
    return kept
  }

  /** By id, or the newest of that name. ConvoyError `not-found`; `in-use` when its data is being removed. */
  find(nameOrId: string): TrashedVolume {
    const { trash } = this.#deps.ledger
    const newest = this.list().find(({ name }) => name === nameOrId)
    const entry = trash.get(nameOrId) ?? newest
    if (entry === undefined) {
      throw new ConvoyError('not-found', `nothing named "${nameOrId}" is forgotten or in the trash`)
    }
    if (entry.state === 'trashed') return entry
    throw new ConvoyError('in-use', `the data of "${nameOrId}" is being removed`, {
      hint: 'see convoy jobs; a cancelled removal leaves a part of the data',
    })
  }

  /** Acts on the entry while nobody else does. ConvoyError `in-use` when somebody does. */
  async reserve<T>(entry: TrashedVolume, act: (entry: TrashedVolume) => Promise<T>): Promise<T> {
    const { id, name } = entry
    if (this.#reserved.has(id)) throw new ConvoyError('in-use', `the data of "${name}" is being restored or removed`)
    this.#reserved.add(id)
    try {
      return await act(entry)
    } finally {
      this.#reserved.delete(id)
    }
  }

  /** Starts the removal of everything whose time is up. */
  async sweep(call: CallContext): Promise<void> {
    const { ledger, now } = this.#deps
    const time = now().toISOString()
    const underWay = new Set(this.#jobs.list().flatMap((job) => (isFinished(job) ? [] : job.request.volume.id)))
    // The end of a job and what follows from it are two changes: a crash may have kept the first only.
    const isDue = ({ id, state, expiresAt }: TrashedVolume) =>
      !this.#reserved.has(id) && (state === 'trashed' ? expiresAt <= time : !underWay.has(id))
    for (const { id } of [...ledger.trash.values()].filter(isDue)) {
      const entry = ledger.trash.get(id)
      if (entry !== undefined && isDue(entry)) await this.reserve(entry, () => this.#removeUnlessHeld(entry, call))
    }
  }

  async #removeUnlessHeld(entry: TrashedVolume, call: CallContext): Promise<void> {
    if (await this.#mayBeHeld(entry, call)) this.#postpone(entry)
    else await this.#startRemoval(entry, call)
  }

  async #mayBeHeld(entry: TrashedVolume, call: CallContext): Promise<boolean> {
    const { name: volume, id } = entry
    try {
      const [holder] = await this.#holding.ofTrashed(entry)
      if (holder === undefined) return false
      call.log.warn({ volume, id, pid: holder.pid }, 'a deleted volume is still mounted: its data is kept for now')
    } catch (thrown) {
      call.log.warn(
        { volume, id, err: thrown },
        'cannot find out who mounts a deleted volume: its data is kept for now',
      )
    }
    return true
  }

  async #startRemoval(entry: TrashedVolume, call: CallContext): Promise<void> {
    const { name, id, attributes, driver } = entry
    const request = { kind: 'remove', driver, volume: { name, id, attributes } } as const
    await this.#jobs.start(request, { put: 'trash', row: { ...entry, state: 'deleting' } })
    call.log.info({ volume: name, id }, 'removing the data of a deleted volume')
  }

  /** A removal that failed or was cancelled is tried again when the entry's time comes round. */
  #finished(job: Job): void {
    const { ledger } = this.#deps
    const entry = ledger.trash.get(job.request.volume.id)
    if (entry?.state !== 'deleting') return
    const { id } = entry
    if (job.state === 'succeeded') {
      const event = volumeEvent(this.#deps, 'volume.destroy', entry)
      ledger.commitLater('trash-delete', { remove: 'trash', id }, { remove: 'journal', id }, event)
    } else this.#postpone(entry)
  }

  #postpone(entry: TrashedVolume): void {
    const { ledger, now } = this.#deps
    const expiresAt = new Date(now().getTime() + retryAfterMs).toISOString()
    ledger.commitLater('trash-delete', { put: 'trash', row: { ...entry, state: 'trashed', expiresAt } })
  }
}

const retryAfterMs = 60 * 60 * 1000
