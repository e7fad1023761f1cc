import { ConvoyError } from '../../errors.js'

/** What was read is not what was written: ConvoyError `damaged`. */
export function damaged(what: string, cause?: unknown): ConvoyError {
  return new ConvoyError('damaged', what, cause === undefined ? {} : { cause })
}
