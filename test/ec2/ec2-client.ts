import { EC2 } from '@aws-sdk/client-ec2'
import type { Test } from 'tap'
import type { Ec2Emulator } from './emulator.js'

/** The client of AWS, which here asks once and never anybody else. */
export function clientOf(t: Pick<Test, 'teardown'>, emulator: Ec2Emulator): EC2 {
  const client = new EC2({
    endpoint: emulator.endpoint,
    region: emulator.cloud.region,
    credentials: { accessKeyId: 'none', secretAccessKey: 'none' },
    maxAttempts: 1,
  })
  t.teardown(() => client.destroy())
  return client
}
