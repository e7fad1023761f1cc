import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { CallLog } from './call-log.js'
import { RealClock } from './cloud-clock.js'
import { Cloud, type CloudSettings } from './cloud.js'
import { IamPolicy } from './iam-policy.js'
import { MetadataServer } from './metadata-server.js'
import { QueryApi } from './query-api.js'

export interface EmulatorSettings extends CloudSettings {
  /** A policy document of IAM; without one everything is allowed. */
  readonly policy?: unknown
}

/** EC2 and the metadata of one of its instances, on the loopback until the test ends. */
export class Ec2Emulator {
  readonly cloud: Cloud
  readonly calls = new CallLog()
  readonly metadata: MetadataServer
  #policy: IamPolicy | undefined
  #endpoint = ''
  #metadataEndpoint = ''

  private constructor(settings: EmulatorSettings) {
    this.cloud = new Cloud(settings)
    this.metadata = new MetadataServer(this.cloud)
    this.policy = settings.policy
  }

  /** Goes by the real time unless another clock is given. What fails in the emulator, or in its disks, fails the test. */
  static async start(t: Pick<Test, 'teardown' | 'fail'>, settings: EmulatorSettings = {}): Promise<Ec2Emulator> {
    const onDiskError = (error: unknown) => void t.fail('a disk of the emulator failed', { error })
    const onBroken = (error: unknown) => void t.fail('the emulator of EC2 is broken', { error })
    const emulator = new Ec2Emulator({ clock: new RealClock(), onDiskError, ...settings })
    const { cloud, calls, metadata } = emulator
    t.teardown(() => cloud.close())
    const api = new QueryApi({ cloud, calls, findPolicy: () => emulator.#policy, onBroken })
    emulator.#endpoint = await listen(t, (request, response) => api.answer(request, response))
    emulator.#metadataEndpoint = await listen(t, (request, response) => metadata.answer(request, response))
    return emulator
  }

  /** Without a slash at its end. */
  get endpoint(): string {
    return this.#endpoint
  }

  get metadataEndpoint(): string {
    return this.#metadataEndpoint
  }

  /** The address of the metadata of one more instance, which ends with the test. */
  async openMetadata(t: Pick<Test, 'teardown'>, instanceId: string): Promise<string> {
    const metadata = new MetadataServer(this.cloud)
    metadata.instanceId = instanceId
    return await listen(t, (request, response) => metadata.answer(request, response))
  }

  /** From now on; undefined allows everything. */
  set policy(document: unknown) {
    this.#policy = document === undefined ? undefined : IamPolicy.parse(document)
  }

  /** For a process that is to find nothing of AWS but this, with the credentials of the instance or with dummies. */
  environment(credentials: 'instance' | 'dummy' = 'dummy'): Readonly<Record<string, string>> {
    const metadata = {
      AWS_EC2_METADATA_SERVICE_ENDPOINT: this.#metadataEndpoint,
      AWS_EC2_METADATA_V1_DISABLED: 'true',
      // Whoever starts the tests may have forbidden it.
      AWS_EC2_METADATA_DISABLED: 'false',
    }
    const nowhere = { AWS_CONFIG_FILE: '/dev/null', AWS_SHARED_CREDENTIALS_FILE: '/dev/null' }
    const dummies = { AWS_ACCESS_KEY_ID: 'none', AWS_SECRET_ACCESS_KEY: 'none' }
    return { ...metadata, ...nowhere, ...(credentials === 'dummy' ? dummies : {}) }
  }

  /** EC2 takes none of the credentials that instances have by now. */
  expireCredentials(): void {
    for (const accessKeyId of this.metadata.accessKeyIds)
      this.cloud.faults.add({
        on: '*',
        kind: 'answer',
        code: 'RequestExpired',
        message: 'Request has expired.',
        accessKeyId,
      })
  }
}

async function listen(
  t: Pick<Test, 'teardown'>,
  answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
): Promise<string> {
  const server = createServer((request, response) => {
    // Who hangs up in the middle of a request has nothing to hear.
    answer(request, response).catch(() => request.socket.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise((resolve) => server.close(resolve))
  })
  // A server that listens on a port has an address of this form.
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
