import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { AwsEc2Api } from '../../../src/drivers/ebs/aws-ec2-api.js'

export interface WireAnswer {
  readonly status?: number
  readonly body: string
}

export interface WireRequest {
  /** `AttachVolume` */
  readonly action: string
  /** By their names on the wire. */
  readonly parameters: Readonly<Record<string, string>>
  readonly headers: IncomingMessage['headers']
}

/** A server that says what a test wants it to say, and the API at it. No time passes between attempts. */
export async function openWire(t: Test, answer: (request: WireRequest) => WireAnswer) {
  const requests: WireRequest[] = []
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (bytes: Buffer) => (text += String(bytes)))
    request.on('end', () => {
      const { Action: action = '', Version: _, ...parameters } = Object.fromEntries(new URLSearchParams(text))
      const asked = { action, parameters, headers: request.headers }
      requests.push(asked)
      const { status = 200, body } = answer(asked)
      response.writeHead(status, { 'content-type': 'text/xml' }).end(body)
    })
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  let ms = 0
  const pause = async (pausedMs: number) => {
    ms += pausedMs
    await new Promise((resolve) => setImmediate(resolve))
  }
  const region = () => Promise.resolve('eu-west-1')
  const api = new AwsEc2Api({ region, endpoint, nowMs: () => ms, pause })
  t.teardown(() => {
    api.close()
    server.closeAllConnections()
    server.close()
  })
  return { api, requests }
}

/** What EC2 answers to that action. */
export const said = (action: string, content = '<return>true</return>'): WireAnswer => ({
  body: `<${action}Response xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>r</requestId>${content}</${action}Response>`,
})

export const refused = (code: string, message = 'said by EC2', status = 400): WireAnswer => ({
  status,
  body: `<Response><Errors><Error><Code>${code}</Code><Message>${message}</Message></Error></Errors><RequestID>r</RequestID></Response>`,
})
