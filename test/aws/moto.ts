import { execFileSync, spawn } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { requirements } from '../integration/requirements.js'

/** Where `test/aws/install` puts moto: the script is found in the sources, beside the directory that was built. */
const place = execFileSync(fileURLToPath(new URL('../../../test/aws/install', import.meta.url)), ['--where'], {
  encoding: 'utf8',
}).trim()

/** What a process needs that is to ask moto and nobody else. */
export const environment = {
  AWS_ACCESS_KEY_ID: 'none',
  AWS_SECRET_ACCESS_KEY: 'none',
  AWS_EC2_METADATA_DISABLED: 'true',
  AWS_REGION: 'eu-west-1',
} as const

/** The options for each test that asks moto. */
export const motoRequirements = (t: Pick<Test, 'fail'>) => requirements(t, { paths: [join(place, 'complete')] })

/** Starts moto, which ends with the test; resolves to its address. */
export async function startMoto(t: Test): Promise<string> {
  const args = ['-H', '127.0.0.1', '-p', '0']
  const server = spawn(join(place, 'bin/moto_server'), args, { stdio: ['ignore', 'ignore', 'pipe'] })
  t.teardown(() => server.kill('SIGKILL'))
  let said = ''
  return new Promise((resolve, reject) => {
    server.once('exit', () => reject(new Error(`moto did not start: ${said}`)))
    server.stderr.on('data', (bytes: Buffer) => {
      said += String(bytes)
      const [address] = /http:\/\/127\.0\.0\.1:\d+/.exec(said) ?? []
      if (address !== undefined) resolve(address)
    })
  })
}

/** A subnet of the account's own network, in another zone each. */
export async function subnetsOf(endpoint: string): Promise<readonly string[]> {
  const scope = `Credential=none/20260101/${environment.AWS_REGION}/ec2/aws4_request`
  const answer = await fetch(endpoint, {
    method: 'POST',
    headers: { authorization: `AWS4-HMAC-SHA256 ${scope}, SignedHeaders=host, Signature=none` },
    body: new URLSearchParams({ Action: 'DescribeSubnets', Version: '2016-11-15' }),
  })
  return [...(await answer.text()).matchAll(/<subnetId>(subnet-\w+)</g)].flatMap(([, id]) => id ?? [])
}
