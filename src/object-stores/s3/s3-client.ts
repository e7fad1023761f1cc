import type { S3Client } from '@aws-sdk/client-s3'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { BytePace } from '../../host/byte-pace.js'
import { silenceSdkWarnings } from '../../host/sdk-warnings.js'
import { optional } from '../../model/optional.js'
import { lookUpRemote } from './link-local.js'
import { paceBody } from './paced-body.js'
import { readCredentials } from './s3-credentials.js'
import { addHeaders } from './s3-headers.js'
import type { S3Options } from './s3-options.js'
import type * as S3Sdk from './s3-sdk.js'

export interface S3ClientSettings {
  /** As the URL says it; else what the environment or the configuration of AWS says. */
  readonly region?: string
  readonly options: S3Options
  /** Of uploads. */
  readonly pace?: BytePace
  /** Without a byte for so long a connection is given up. */
  readonly idleTimeoutMs?: number
}

export interface OpenedS3 {
  readonly sdk: typeof S3Sdk
  readonly client: S3Client
}

const usualIdleTimeoutMs = 60_000
const connectionTimeoutMs = 10_000

/** Where a server of one's own does not care, and nobody says. */
const anyRegion = 'us-east-1'

/** Loads the SDK. Nothing is asked of the server yet. */
export async function openS3Client({ region, options, pace, idleTimeoutMs }: S3ClientSettings): Promise<OpenedS3> {
  silenceSdkWarnings()
  const sdk = await import('./s3-sdk.js')
  const endpoint = options['s3-endpoint']
  const credentials = options['s3-credentials']
  const client = new sdk.S3Client({
    // Attempts are ours: they have to know which one it is.
    maxAttempts: 1,
    region: region ?? (endpoint === undefined ? usualRegion(sdk) : () => usualRegion(sdk)().catch(() => anyRegion)),
    ...(endpoint === undefined ? {} : { endpoint: endpoint.href.replace(/\/$/, ''), forcePathStyle: true }),
    ...optional('credentials', credentials === undefined ? undefined : await readCredentials(credentials)),
    requestHandler: {
      ...agentsOf(options['s3-connections']),
      connectionTimeout: connectionTimeoutMs,
      socketTimeout: idleTimeoutMs ?? usualIdleTimeoutMs,
      logger: silent,
    },
    // Each put has its SHA-256 in it, and servers of other makers do not all know the newer kinds.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    expectContinueHeader: false,
    logger: silent,
  })
  addHeaders(client)
  if (pace !== undefined) paceBody(client, pace)
  return { sdk, client }
}

/** The bound of requests at once, and of memory with it. */
function agentsOf(maxSockets: number): { readonly httpAgent: HttpAgent; readonly httpsAgent: HttpsAgent } {
  const settings = { keepAlive: true, maxSockets, lookup: lookUpRemote }
  return { httpAgent: new HttpAgent(settings), httpsAgent: new HttpsAgent(settings) }
}

/** What the SDK finds in the environment and the files of AWS. */
const usualRegion = (sdk: typeof S3Sdk) => async () => new sdk.S3Client({ logger: silent }).config.region()

const nothing = () => undefined
const silent = { trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing }
