import { ConvoyError } from '../errors.js'

/** One server-sent event, or only a new place to resume at. */
export interface EventBlock {
  readonly id?: string
  readonly data?: string
}

const longestBlock = 1024 * 1024

/** Cuts the text of server-sent events into blocks, however it is cut into pieces on its way. */
export class EventBlocks {
  #rest = ''

  take(text: string): readonly EventBlock[] {
    const parts = (this.#rest + text).split('\n\n')
    this.#rest = parts.pop() ?? ''
    if (this.#rest.length > longestBlock) throw new ConvoyError('internal', 'the daemon sent an event without end')
    return parts.map(readBlock)
  }
}

function readBlock(text: string): EventBlock {
  const fields = text.split('\n').map((line) => {
    const at = line.indexOf(':')
    // One space behind the colon is no part of the value.
    return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1).replace(/^ /, '')]
  })
  const { id, data } = Object.fromEntries(fields) as Readonly<Record<string, string>>
  return { ...(id === undefined ? {} : { id }), ...(data === undefined ? {} : { data }) }
}
