import http from 'node:http'
import type { Test } from 'tap'
import { eventually } from '../engine/polling.js'

export interface EventRequest {
  /** `?since=…` and the like. */
  readonly query?: string
  readonly headers?: http.OutgoingHttpHeaders
}

/** One subscriber of `GET /v1/events`: what came, block by block. */
export class EventReader {
  readonly blocks: string[] = []
  isEnded = false
  readonly #response: http.IncomingMessage

  private constructor(response: http.IncomingMessage) {
    this.#response = response
    let text = ''
    response.setEncoding('utf8')
    response.on('data', (data: string) => {
      const parts = (text + data).split('\n\n')
      text = parts.pop() ?? ''
      this.blocks.push(...parts)
    })
    response.on('close', () => (this.isEnded = true))
    response.on('error', () => undefined)
  }

  static open(
    t: Pick<Test, 'teardown'>,
    socketPath: string,
    { query = '', headers = {} }: EventRequest = {},
  ): Promise<EventReader> {
    return new Promise((resolve, reject) => {
      const request = http.request({ socketPath, path: `/v1/events${query}`, headers, agent: false })
      request.once('response', (response) => resolve(new EventReader(response)))
      request.once('error', reject)
      request.end()
      t.teardown(() => request.destroy())
    })
  }

  get status(): number | undefined {
    return this.#response.statusCode
  }

  get contentType(): string | undefined {
    return this.#response.headers['content-type']
  }

  /** The events that came, as JSON. */
  get events(): readonly Readonly<Record<string, unknown>>[] {
    // Our own server's, whose shape is what the tests check.
    return this.blocks.flatMap((block) => {
      const data = /^data: (.*)$/m.exec(block)?.[1]
      return data === undefined ? [] : [JSON.parse(data) as Record<string, unknown>]
    })
  }

  /** `volume.create a` and the like, gaps included. */
  get short(): readonly string[] {
    return this.events.map(({ type, volume }) => [type, volume].filter((part) => typeof part === 'string').join(' '))
  }

  /** The last id that came, with an event or without. */
  get lastId(): number {
    const ids = this.blocks.flatMap((block) => /^id: (\d+)$/m.exec(block)?.[1] ?? [])
    return Number(ids.at(-1) ?? NaN)
  }

  /** Takes nothing more off the socket. */
  pause(): void {
    this.#response.pause()
  }

  resume(): void {
    this.#response.resume()
  }

  close(): void {
    this.#response.destroy()
  }

  async until(count: number): Promise<readonly string[]> {
    await eventually(`${count} events come`, () => this.events.length >= count)
    return this.short
  }

  async ended(): Promise<void> {
    await eventually('the answer ends', () => this.isEnded)
  }
}
