import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { parseOptions } from '../../../src/model/options.js'
import { s3Options } from '../../../src/object-stores/s3/s3-options.js'
import { S3Store, type S3StoreSettings } from '../../../src/object-stores/s3/s3-store.js'
import { memoryDirectory } from '../../host/memory-directory.js'
import { account, bucket, S3Server, type S3ServerSettings } from '../../s3/s3-server.js'

/** A file that the option `s3-credentials` may name, in a directory of its own. */
export function credentialsFile(t: Test, { accessKeyId, secretAccessKey } = account): string {
  const path = join(memoryDirectory(t), 'credentials')
  const text = `[default]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\n`
  writeFileSync(path, text, { mode: 0o600 })
  return path
}

/** A server of the test's own, and what opens stores on it; pauses between attempts take no time. */
export async function startS3(
  t: Test,
  settings: S3ServerSettings = {},
): Promise<{
  readonly server: S3Server
  readonly open: (more?: Partial<S3StoreSettings>) => S3Store
  readonly pauses: number[]
}> {
  const server = await new S3Server(settings).start(t)
  const credentials = credentialsFile(t)
  const pauses: number[] = []
  const open = (more: Partial<S3StoreSettings> = {}) => {
    const texts = { 's3-endpoint': server.endpoint.href, 's3-credentials': credentials }
    const store = new S3Store({
      bucket,
      region: account.region,
      prefix: 'folder',
      url: `s3://${bucket}/folder`,
      options: parseOptions(s3Options, texts, 'option'),
      random: () => 0,
      pause: (ms) => {
        pauses.push(ms)
        return Promise.resolve()
      },
      ...more,
    })
    t.teardown(() => store.close())
    return store
  }
  return { server, open, pauses }
}
