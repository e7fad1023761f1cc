import type { ConvoyError, ErrorCode } from '../errors.js'

/** The HTTP status of each error on the control API. Docker's protocol has its own way: always 200 with `Err`. */
const statuses = {
  'invalid-argument': 400,
  'not-found': 404,
  'already-exists': 409,
  'in-use': 409,
  unsupported: 422,
  unavailable: 503,
  'deadline-exceeded': 504,
  damaged: 500,
  internal: 500,
} as const satisfies Record<ErrorCode, number>

export function statusOf(error: ConvoyError): number {
  return statuses[error.code]
}

export interface ErrorBody {
  readonly error: { readonly code: ErrorCode; readonly message: string; readonly hint?: string }
}

export function errorBody(error: ConvoyError): ErrorBody {
  const { code, message, hint } = error
  return { error: { code, message, ...(hint === undefined ? {} : { hint }) } }
}
