import { toConvoyError } from '../../errors.js'
import { type PaceDeps, RequestPace } from './request-pace.js'
import { onAbort, tooLate } from './until-aborted.js'

export interface LookupDeps<Found> extends PaceDeps {
  /** The action, for errors. */
  readonly action: string
  /** How many ids one request may name. */
  readonly mostIds: number
  /** One request. The signal aborts when nobody waits for it any more. */
  readonly ask: (ids: readonly string[], signal: AbortSignal) => Promise<readonly Found[]>
  readonly idOf: (found: Found) => string
  /** Whether a request was refused because EC2 does not know some of its ids. What fails for another reason is not absent. */
  readonly isAboutIds: (thrown: unknown, ids: readonly string[]) => boolean
}

interface Waiter<Found> {
  readonly answer: (found: Found | undefined) => void
  readonly fail: (thrown: unknown) => void
}

/** A look-up that was given up has left its set. */
type Waiters<Found> = ReadonlyMap<string, Set<Waiter<Found>>>

interface Round<Found> {
  readonly waiters: Waiters<Found>
  readonly end: AbortController
}

/** Calls of one moment are one request. */
const windowMs = 2
/** A few calls after a rest are answered at once; whoever polls has one request per second, together with all others. */
const limits = { burst: 3, most: 0.9, least: 0.9 }
/** How long an id that was refused is asked about apart from others. */
const suspicionMs = 60_000

/**
 * Looks things up by id: all who ask within a moment share a request, those who ask while one is under way share the next. An id
 * that EC2 does not know is answered by undefined, and spoils no other's answer.
 */
export class BatchedLookups<Found> {
  readonly #deps: LookupDeps<Found>
  readonly #pace: RequestPace
  #waiting = new Map<string, Set<Waiter<Found>>>()
  /** Ids that were refused, and when. */
  readonly #suspects = new Map<string, number>()
  #round: Round<Found> | undefined
  #rounds = 0
  #isAsking = false
  #wereSuspects = false

  constructor(deps: LookupDeps<Found>) {
    this.#deps = deps
    this.#pace = new RequestPace(deps.action, limits, deps)
  }

  /** The answer is never older than the call. */
  find(id: string, signal: AbortSignal): Promise<Found | undefined> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(tooLate(this.#deps.action, signal))
        return
      }
      const waiters = this.#waiting.get(id) ?? new Set()
      this.#waiting.set(id, waiters)
      const stop = onAbort(signal, () => {
        waiters.delete(waiter)
        if (this.#round !== undefined && !hasWaiters(this.#round.waiters)) this.#round.end.abort()
        reject(tooLate(this.#deps.action, signal))
      })
      const waiter: Waiter<Found> = {
        answer: (found) => {
          stop()
          resolve(found)
        },
        fail: (thrown) => {
          stop()
          reject(toConvoyError(thrown))
        },
      }
      waiters.add(waiter)
      void this.#askAll()
    })
  }

  async #askAll(): Promise<void> {
    if (this.#isAsking) return
    this.#isAsking = true
    await this.#deps.pause(windowMs)
    while (hasWaiters(this.#waiting)) {
      const end = new AbortController()
      await this.#pace.turn(this.#rounds++, end.signal)
      this.#round = { waiters: this.#take(), end }
      await this.#ask([...this.#round.waiters.keys()], this.#round)
      this.#round = undefined
    }
    this.#waiting.clear()
    this.#isAsking = false
  }

  /** The next to be asked about: in turn those that are likely to be known and the others, so that one request is enough for most. */
  #take(): Waiters<Found> {
    const now = this.#deps.nowMs()
    for (const [id, since] of this.#suspects) if (now - since > suspicionMs) this.#suspects.delete(id)
    const all = [...this.#waiting].filter(([, { size }]) => size > 0)
    const suspects = all.filter(([id]) => this.#suspects.has(id))
    const others = all.filter(([id]) => !this.#suspects.has(id))
    this.#wereSuspects = others.length === 0 || (suspects.length > 0 && !this.#wereSuspects)
    const taken = new Map((this.#wereSuspects ? suspects : others).slice(0, this.#deps.mostIds))
    this.#waiting = new Map(all.filter(([id]) => !taken.has(id)))
    return taken
  }

  async #ask(asked: readonly string[], round: Round<Found>): Promise<void> {
    const ids = asked.filter((id) => round.waiters.get(id)?.size)
    if (ids.length === 0) return
    const each = (id: string) => round.waiters.get(id) ?? []
    try {
      const found = new Map((await this.#deps.ask(ids, round.end.signal)).map((one) => [this.#deps.idOf(one), one]))
      for (const id of ids) {
        if (found.has(id)) this.#suspects.delete(id)
        for (const waiter of each(id)) waiter.answer(found.get(id))
      }
    } catch (thrown) {
      if (this.#deps.isAboutIds(thrown, ids)) await this.#askWithout(unknownOf(thrown, ids), ids, round)
      else for (const id of ids) for (const waiter of each(id)) waiter.fail(thrown)
    }
  }

  /** When EC2 does not say which ones it does not know, a half of them is asked about at a time. */
  async #askWithout(unknown: readonly string[], ids: readonly string[], round: Round<Found>): Promise<void> {
    for (const id of unknown) {
      this.#suspects.set(id, this.#deps.nowMs())
      for (const waiter of round.waiters.get(id) ?? []) waiter.answer(undefined)
    }
    const others = ids.filter((id) => !unknown.includes(id))
    const half = unknown.length > 0 ? others.length : Math.ceil(others.length / 2)
    await this.#ask(others.slice(0, half), round)
    await this.#ask(others.slice(half), round)
  }
}

const hasWaiters = (waiters: ReadonlyMap<string, { readonly size: number }>) =>
  [...waiters.values()].some(({ size }) => size > 0)

/** Those that the refusal names; none when it names all, as some emulators do with those that they know. */
function unknownOf(thrown: unknown, ids: readonly string[]): readonly string[] {
  if (ids.length === 1) return ids
  const named = wordsOf(thrown)
  const unknown = ids.filter((id) => named.has(id))
  return unknown.length < ids.length ? unknown : []
}

/** The words of a message that may be ids. */
export function wordsOf(thrown: unknown): ReadonlySet<string> {
  return new Set(thrown instanceof Error ? thrown.message.split(/[^\w.-]+/).map((word) => word.replace(/\.$/, '')) : [])
}
