import type { ServerResponse } from 'node:http'
import type { Events, EventsStart } from '../core/events.js'
import { type ConvoyEvent, type EventFilter, matchesFilter } from '../model/event.js'
import type { ApiDeps } from './api-deps.js'

/** What may wait for one subscriber, besides what the kernel keeps. Who reads more slowly is cut off, and resumes by id. */
export const mostUnsentBytes = 256 * 1024
export const heartbeatMs = 15_000

interface Subscriber {
  readonly response: ServerResponse
  readonly filter: EventFilter
  /** All events up to this id have been sent, or were not wanted. */
  position: number
  /** Has read all that is older than what it is told. */
  isLive: boolean
}

/** Everybody who watches, on open answers in the form of server-sent events. None of them keeps the daemon from stopping. */
export class EventSubscribers {
  readonly #events: Events
  readonly #deps: Pick<ApiDeps, 'log' | 'startTimer' | 'closing'>
  readonly #all = new Set<Subscriber>()
  #stopHeartbeat: (() => void) | undefined

  constructor(events: Events, deps: Pick<ApiDeps, 'log' | 'startTimer' | 'closing'>) {
    this.#events = events
    this.#deps = deps
    // Whoever waits for the change itself is answered first.
    events.listen((told) => {
      if (this.#all.size > 0) setImmediate(() => this.#tell(told))
    })
    deps.closing?.addEventListener('abort', () => {
      for (const { response } of this.#all) response.end()
    })
  }

  /** Sends what is to come, after what has been since `start`, if given. */
  follow(response: ServerResponse, filter: EventFilter, start: EventsStart | undefined): void {
    const subscriber = this.#add(response, filter)
    if (start === undefined) this.#becomeLive(subscriber)
    else this.#run(subscriber, this.#catchUp(subscriber, start))
  }

  /** Sends what has been since `start`, and ends. */
  finish(response: ServerResponse, filter: EventFilter, start: EventsStart): void {
    const subscriber = this.#add(response, filter)
    this.#run(
      subscriber,
      this.#readOn(subscriber, start).then(() => void response.end()),
    )
  }

  /** Says one thing, and keeps the answer open: nothing will happen in this life of the daemon. */
  hold(response: ServerResponse, filter: EventFilter, event: ConvoyEvent): void {
    const subscriber = this.#add(response, filter)
    response.write(formatEvent(event))
    subscriber.isLive = true
  }

  #add(response: ServerResponse, filter: EventFilter): Subscriber {
    const subscriber = { response, filter, position: this.#events.lastId, isLive: false }
    this.#all.add(subscriber)
    response.on('close', () => this.#remove(subscriber))
    response.on('error', () => response.destroy())
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.flushHeaders()
    if (this.#deps.closing?.aborted === true) response.end()
    this.#stopHeartbeat ??= this.#deps.startTimer(heartbeatMs, () => this.#beat())
    return subscriber
  }

  #remove(subscriber: Subscriber): void {
    this.#all.delete(subscriber)
    if (this.#all.size > 0) return
    this.#stopHeartbeat?.()
    this.#stopHeartbeat = undefined
  }

  #run({ response }: Subscriber, reading: Promise<void>): void {
    reading.catch((thrown: unknown) => {
      this.#deps.log.warn({ err: thrown }, 'events could not be read: a subscriber is cut off')
      response.destroy()
    })
  }

  async #catchUp(subscriber: Subscriber, start: EventsStart): Promise<void> {
    await this.#readOn(subscriber, start)
    // What became durable while the last page was on its way is in the next one.
    while (this.#events.lastId > subscriber.position && isOpen(subscriber)) {
      await this.#readOn(subscriber, { afterId: subscriber.position })
    }
    this.#becomeLive(subscriber)
  }

  /** Sends what is kept, a page at a time, as fast as it is read at the other end. */
  async #readOn(subscriber: Subscriber, start: EventsStart): Promise<void> {
    const { response, filter } = subscriber
    if (start.gap !== undefined) response.write(formatEvent(start.gap))
    for (let from = start, isEnd = false; !isEnd && isOpen(subscriber);) {
      const page = await this.#events.readPage(from, filter)
      if (page.events.length > 0) response.write(page.events.map(formatEvent).join(''))
      subscriber.position = page.upToId
      from = { ...from, afterId: page.upToId }
      isEnd = page.upToId >= page.newestId
      if (response.writableNeedDrain) await drained(response)
    }
  }

  /** Tells its position, which may be behind what it did not want to see: there it would resume. */
  #becomeLive(subscriber: Subscriber): void {
    subscriber.isLive = true
    subscriber.response.write(`id: ${subscriber.position}\n\n`)
  }

  #tell(events: readonly ConvoyEvent[]): void {
    const texts = new Map<ConvoyEvent, string>()
    const textOf = (event: ConvoyEvent) => {
      const text = texts.get(event) ?? formatEvent(event)
      texts.set(event, text)
      return text
    }
    for (const subscriber of this.#all) {
      const news = events.filter(({ id }) => id > subscriber.position)
      if (!subscriber.isLive || news.length === 0) continue
      const wanted = news.filter((event) => matchesFilter(event, subscriber.filter))
      if (wanted.length > 0 && this.#hasRoom(subscriber)) subscriber.response.write(wanted.map(textOf).join(''))
      subscriber.position = news.at(-1)?.id ?? subscriber.position
    }
  }

  #beat(): void {
    this.#stopHeartbeat = this.#deps.startTimer(heartbeatMs, () => this.#beat())
    for (const subscriber of this.#all) {
      const { response, position, isLive } = subscriber
      if (isLive && this.#hasRoom(subscriber)) response.write(`: heartbeat\nid: ${position}\n\n`)
    }
  }

  #hasRoom(subscriber: Subscriber): boolean {
    const { response } = subscriber
    if (!isOpen(subscriber)) return false
    if (response.writableLength <= mostUnsentBytes) return true
    this.#deps.log.info({ unsentBytes: response.writableLength }, 'a subscriber reads too slowly: cut off')
    response.destroy()
    return false
  }
}

/** One event as it goes over the wire. One that nobody can resume at has no id. */
function formatEvent(event: ConvoyEvent): string {
  const { id, ...rest } = event
  const data = JSON.stringify(id === 0 ? rest : event)
  return `${id === 0 ? '' : `id: ${id}\n`}event: ${event.type}\ndata: ${data}\n\n`
}

const isOpen = ({ response }: Subscriber) => !response.destroyed && !response.writableEnded

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done)
      response.off('close', done)
      resolve()
    }
    response.on('drain', done)
    response.on('close', done)
  })
}
