import type { EventDetails, EventType } from '../model/event.js'
import { eventAt } from '../model/event.js'
import { parseJsonObject } from '../model/json-object.js'
import type { CoreDeps } from './core-deps.js'

const setting = 'alerts'

/** What is wrong and was told: each is told once, and its end once, also over restarts. */
export class Alerts {
  readonly #deps: Pick<CoreDeps, 'ledger' | 'now'>

  constructor(deps: Pick<CoreDeps, 'ledger' | 'now'>) {
    this.#deps = deps
  }

  raise(key: string, type: EventType, details: EventDetails): void {
    const raised = this.#read()
    if (!(key in raised)) this.#save({ ...raised, [key]: this.#deps.now().toISOString() }, type, details)
  }

  end(key: string, type: EventType, details: EventDetails): void {
    const { [key]: since, ...others } = this.#read()
    if (since !== undefined) this.#save(others, type, details)
  }

  /** Nobody is told of the end: what it was about is no more. */
  drop(isMoot: (key: string) => boolean): void {
    const raised = Object.entries(this.#read())
    const kept = raised.filter(([key]) => !isMoot(key))
    if (kept.length < raised.length) this.#deps.ledger.commitLater('event', put(Object.fromEntries(kept)))
  }

  /** Key → since when. */
  #read(): Readonly<Record<string, unknown>> {
    return parseJsonObject(this.#deps.ledger.setting(setting) ?? '{}') ?? {}
  }

  /** With its event, so that a crash keeps both or neither. */
  #save(raised: Readonly<Record<string, unknown>>, type: EventType, details: EventDetails): void {
    const { ledger, now } = this.#deps
    if (ledger.degraded !== undefined) return
    ledger.commitLater('event', put(raised), { put: 'event', row: eventAt(now(), type, details) })
  }
}

const put = (raised: object) => ({ put: 'setting', key: setting, value: JSON.stringify(raised) }) as const
