import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3'
import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { parseOptions } from '../../src/model/options.js'
import { readCredentials } from '../../src/object-stores/s3/s3-credentials.js'
import { s3Options } from '../../src/object-stores/s3/s3-options.js'
import { S3Store } from '../../src/object-stores/s3/s3-store.js'
import { requirements } from '../integration/requirements.js'

/** Where `test/s3/install` puts it: the script is found in the sources, beside the directory that was built. */
const program = join(
  execFileSync(fileURLToPath(new URL('../../../test/s3/install', import.meta.url)), ['--where'], {
    encoding: 'utf8',
  }).trim(),
  'versitygw',
)

/** The options for each test that asks it. */
export const versitygwRequirements = (t: Pick<Test, 'fail'>) => requirements(t, { paths: [program] })

export interface RealServer {
  readonly endpoint: string
  /** As the option `s3-credentials` takes it. */
  readonly credentialsFile: string
}

const keys = { accessKeyId: 'test-key', secretAccessKey: 'test-secret' }
export const region = 'us-east-1'

/** Starts a server on an empty directory, which ends with the test. */
export async function startVersitygw(t: Test): Promise<RealServer> {
  const directory = t.testdir({ data: {}, keys: '' })
  const endpoint = `127.0.0.1:${await freePort()}`
  const server = spawn(program, ['--port', endpoint, 'posix', join(directory, 'data')], {
    stdio: 'ignore',
    env: { ROOT_ACCESS_KEY: keys.accessKeyId, ROOT_SECRET_KEY: keys.secretAccessKey },
  })
  t.teardown(() => server.kill('SIGKILL'))
  const credentialsFile = writeKeys(join(directory, 'keys'))
  return { endpoint: `http://${endpoint}`, credentialsFile }
}

let buckets = 0

/** A new bucket on the server, and what opens stores on it. */
export async function newBucket({ endpoint, credentialsFile }: RealServer): Promise<() => S3Store> {
  const bucket = `bucket-${process.pid}-${buckets++}`
  const credentials = await readCredentials(credentialsFile)
  const client = new S3Client({ endpoint, region, credentials, forcePathStyle: true })
  for (let attempt = 0; ; attempt++)
    try {
      await client.send(new CreateBucketCommand({ Bucket: bucket }))
      break
    } catch (thrown) {
      // It may just have been started.
      if (attempt === 100) throw thrown
      await sleep(100)
    }
  client.destroy()
  const options = parseOptions(s3Options, { 's3-endpoint': endpoint, 's3-credentials': credentialsFile }, 'option')
  return () => new S3Store({ bucket, region, prefix: 'a folder/b', url: `s3://${bucket}/a folder/b`, options })
}

function writeKeys(path: string): string {
  writeFileSync(
    path,
    `[default]\naws_access_key_id=${keys.accessKeyId}\naws_secret_access_key=${keys.secretAccessKey}\n`,
  )
  chmodSync(path, 0o600)
  return path
}

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
