import type {
  GetObjectCommandOutput,
  HeadObjectCommandOutput,
  ListObjectsV2CommandOutput,
  StorageClass,
} from '@aws-sdk/client-s3'
import { optional } from '../../model/optional.js'
import { type OpenedS3, openS3Client, type S3ClientSettings } from './s3-client.js'
import type { BytesRequest } from './s3-download.js'
import { answerError } from './s3-failures.js'
import { readDate } from './s3-headers.js'

export interface S3RequestSettings extends S3ClientSettings {
  readonly bucket: string
  /** Before each key of ours: empty, or with a slash at its end. */
  readonly root: string
}

export interface S3Put {
  readonly key: string
  readonly bytes: Uint8Array
  readonly sha256: Buffer
  /** Only if there is no such object. */
  readonly isNew: boolean
}

/** Below this lie the large objects; whatever else there is has to be at hand, and is little. */
const dataPrefix = 'data/'

/** Each method is one request, made once; what it throws is the SDK's. Keys are without the root. */
export class S3Requests {
  readonly #settings: S3RequestSettings
  #opening: Promise<OpenedS3> | undefined

  constructor(settings: S3RequestSettings) {
    this.#settings = settings
  }

  /** Resolves to when the server answered, by its own clock and in whole seconds, if it says so. */
  async put({ key, bytes, sha256, isNew }: S3Put, signal: AbortSignal): Promise<number | undefined> {
    const { sdk, client } = await this.#open()
    const command = new sdk.PutObjectCommand({
      ...this.#place(key),
      Body: bytes,
      ContentLength: bytes.length,
      ContentType: 'application/octet-stream',
      ChecksumSHA256: sha256.toString('base64'),
      ...optional('IfNoneMatch', isNew ? '*' : undefined),
      ...this.#keeping(key),
    })
    const date = readDate(command)
    const { ETag: tag } = await client.send(command, { abortSignal: signal })
    if (tag === undefined) throw answerError('BadAnswer', 'nobody says that it was stored')
    return date()
  }

  async get(key: string, request: BytesRequest, signal: AbortSignal): Promise<GetObjectCommandOutput> {
    const { sdk, client } = await this.#open()
    return client.send(new sdk.GetObjectCommand({ ...this.#place(key), ...request }), { abortSignal: signal })
  }

  async head(key: string, signal: AbortSignal): Promise<HeadObjectCommandOutput> {
    const { sdk, client } = await this.#open()
    return client.send(new sdk.HeadObjectCommand(this.#place(key)), { abortSignal: signal })
  }

  async listPage(prefix: string, token: string | undefined, signal: AbortSignal): Promise<ListObjectsV2CommandOutput> {
    const { sdk, client } = await this.#open()
    const { bucket, root } = this.#settings
    const input = {
      Bucket: bucket,
      Prefix: root + prefix,
      EncodingType: 'url',
      ...optional('ContinuationToken', token),
    } as const
    return client.send(new sdk.ListObjectsV2Command(input), { abortSignal: signal })
  }

  /** At most 1000. Resolves to why some of them were not removed: S3's word for each. */
  async remove(keys: readonly string[], signal: AbortSignal): Promise<readonly string[]> {
    const { sdk, client } = await this.#open()
    const { bucket, root } = this.#settings
    const command = new sdk.DeleteObjectsCommand({
      Bucket: bucket,
      Delete: { Objects: keys.map((key) => ({ Key: root + key })) },
    })
    const { Deleted: removed = [], Errors: errors = [] } = await client.send(command, { abortSignal: signal })
    if (removed.length + errors.length < keys.length)
      throw answerError('BadAnswer', 'nobody says that they were removed')
    return errors.map(({ Code }) => Code ?? '').filter((code) => code !== 'NoSuchKey')
  }

  close(): void {
    void this.#opening?.then(
      ({ client }) => client.destroy(),
      () => undefined,
    )
    this.#opening = undefined
  }

  #open(): Promise<OpenedS3> {
    this.#opening ??= openS3Client(this.#settings).catch((thrown: unknown) => {
      this.#opening = undefined
      throw thrown
    })
    return this.#opening
  }

  #place(key: string) {
    return { Bucket: this.#settings.bucket, Key: this.#settings.root + key }
  }

  #keeping(key: string) {
    const { 's3-encryption': encryption, 's3-storage-class': storageClass } = this.#settings.options
    return {
      ...optional('ServerSideEncryption', encryption?.algorithm),
      ...optional('SSEKMSKeyId', encryption?.keyId),
      // Servers have classes that the SDK does not list.
      ...optional('StorageClass', key.startsWith(dataPrefix) ? (storageClass as StorageClass | undefined) : undefined),
    }
  }
}
