import { codeOf, ConvoyError } from '../../errors.js'

/** What was thrown, as far as anything is to be known of it. Nothing else of an answer is ever shown or logged. */
export interface S3Failure {
  /** The server's word for it, as `NoSuchKey`, the SDK's name of its own errors, or the system's code; may be empty. */
  readonly name: string
  /** Of the answer, if there was one. */
  readonly status: number | undefined
  /** Where the bucket is, if the server says so. */
  readonly region: string | undefined
  /** The clock of this host was wrong; by now it is known how much. */
  readonly isClockCorrected: boolean
}

/** What may be done about it. `throttled`: again, later and more slowly. `transient`: again. `final`: nothing. */
export type FailureKind = 'throttled' | 'transient' | 'final'

/** By their names. */
export const throttles = /^(?:SlowDown|Throttl|TooManyRequests|RequestLimitExceeded|ServiceUnavailable|Busy)/
/** The same. */
export const network = /Timeout|^TLS|ECONN|ENOTFOUND|EAI_|EHOST|ENET|EPIPE|EPROTO|ERR_SSL|ERR_STREAM|^EADDR|^HPE_/
const lostOnTheWay =
  /^(?:RequestTimeout|IncompleteBody|BadDigest|XAmzContentSHA256Mismatch|XAmzContentChecksumMismatch|ConditionalRequestConflict|OperationAborted|InternalError|CutBody|BadAnswer)$/
/** The same; such a connection is not tried again. */
export const badCertificate = /CERT|SELF_SIGNED|UNABLE_TO|ERR_TLS/

/** Of what the SDK has thrown. */
export function failureKind(thrown: unknown): FailureKind {
  if (thrown instanceof ConvoyError) return 'final'
  const { name, status, isClockCorrected } = failureOf(thrown)
  if (throttles.test(name) || status === 429 || status === 503) return 'throttled'
  if (lostOnTheWay.test(name) || isClockCorrected) return 'transient'
  if (status !== undefined && status >= 500) return status === 501 ? 'final' : 'transient'
  return status === undefined && network.test(name) && !badCertificate.test(name) ? 'transient' : 'final'
}

/** Whether the server says by that word, or by that status, why it did not do it. */
export function isS3Failure(thrown: unknown, ...names: readonly (string | number)[]): boolean {
  const { name, status } = failureOf(thrown)
  return names.includes(name) || (status !== undefined && names.includes(status))
}

/** An answer that cannot be true, or that did not arrive as it was sent: `CutBody`, `BadAnswer`. */
export function answerError(name: 'CutBody' | 'BadAnswer', message: string): Error {
  return Object.assign(new Error(message), { name })
}

/** What is known of what was thrown. */
export function failureOf(thrown: unknown): S3Failure {
  const metadata = propertyOf(thrown, '$metadata')
  const status = propertyOf(metadata, 'httpStatusCode')
  const headers = propertyOf(propertyOf(thrown, '$response'), 'headers')
  const region = propertyOf(headers, 'x-amz-bucket-region')
  return {
    name: nameOf(thrown, status),
    status: typeof status === 'number' ? status : undefined,
    region: typeof region === 'string' && /^[a-z0-9-]{1,40}$/.test(region) ? region : undefined,
    isClockCorrected: status === 403 && propertyOf(metadata, 'clockSkewCorrected') === true,
  }
}

/** A word, and nothing that a server could put in its place. */
function nameOf(thrown: unknown, status: unknown): string {
  if (!(thrown instanceof Error)) return ''
  // What came could not be read: a page of a gateway, perhaps.
  if (typeof status === 'number' && status >= 200 && status < 300) return 'BadAnswer'
  if (thrown.message === 'Region is missing') return thrown.message
  const words = [codeOf(thrown), thrown.name].filter((word) => !['', 'Error', 'Unknown', 'UnknownError'].includes(word))
  const [word] = words.filter((one) => /^[A-Za-z0-9_.]{1,60}$/.test(one))
  return word ?? (typeof status === 'number' ? String(status) : '')
}

function propertyOf(of: unknown, name: string): unknown {
  return typeof of === 'object' && of !== null && name in of ? (of as Record<string, unknown>)[name] : undefined
}
