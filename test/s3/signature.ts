import { createHash, createHmac } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

/** Who may ask, and where the server says that it is. */
export interface Account {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly region: string
}

const form =
  /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/

/** S3's word for what is wrong with the signature (version 4) of a request, if anything is. */
export function signatureFault(request: IncomingMessage, body: Buffer, account: Account): string | undefined {
  const match = form.exec(request.headers.authorization ?? '')
  const [, id = '', day = '', region = '', signedHeaders = '', signature] = match ?? []
  if (match === null) return 'AccessDenied'
  if (id !== account.accessKeyId) return 'InvalidAccessKeyId'
  if (region !== account.region) return 'AuthorizationHeaderMalformed'
  const payload = String(request.headers['x-amz-content-sha256'])
  if (payload !== 'UNSIGNED-PAYLOAD' && payload !== sha256(body)) return 'XAmzContentSHA256Mismatch'
  const [path = '', query = ''] = (request.url ?? '').split('?')
  const canonical = [
    request.method,
    path,
    query
      .split('&')
      .filter(Boolean)
      .map((pair) => (pair.includes('=') ? pair : `${pair}=`))
      .sort()
      .join('&'),
    ...signedHeaders.split(';').map((name) => `${name}:${String(request.headers[name]).trim().replace(/ +/g, ' ')}`),
    '',
    signedHeaders,
    payload,
  ].join('\n')
  const scope = `${day}/${region}/s3/aws4_request`
  const text = ['AWS4-HMAC-SHA256', request.headers['x-amz-date'], scope, sha256(canonical)].join('\n')
  const key = [day, region, 's3', 'aws4_request'].reduce(hmac, Buffer.from(`AWS4${account.secretAccessKey}`))
  return hmac(key, text).toString('hex') === signature ? undefined : 'SignatureDoesNotMatch'
}

/** The same for the checksums that it carries. */
export function checksumFault(request: IncomingMessage, body: Buffer): string | undefined {
  const digest = (algorithm: string) => createHash(algorithm).update(body).digest('base64')
  const { 'x-amz-checksum-sha256': sum, 'content-md5': md5 } = request.headers
  return (sum !== undefined && sum !== digest('sha256')) || (md5 !== undefined && md5 !== digest('md5'))
    ? 'BadDigest'
    : undefined
}

const sha256 = (of: string | Buffer) => createHash('sha256').update(of).digest('hex')
const hmac = (key: Buffer, text: string) => createHmac('sha256', key).update(text).digest()
