import { createHmac } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { ConvoyError } from '../errors.js'
import { describeUrl, type Notice, parseWebhookUrl, type Webhook } from '../model/notify-target.js'

export interface WebhookLimits {
  readonly timeoutMs: number
  readonly signal: AbortSignal
}

const mostAnswerBytes = 2048

/**
 * Posts the event as JSON, with the headers of standardwebhooks.com. Any 2xx answer is success. Secrets are read anew for each
 * attempt: whoever replaces them need not tell us.
 */
export async function postWebhook(webhook: Webhook, notice: Notice, limits: WebhookLimits): Promise<void> {
  const url = await readUrl(webhook)
  const body = JSON.stringify(notice.content)
  const headers = await headersOf(webhook, notice.id, body)
  await within(limits, describeUrl(url), async (signal) => {
    const response = await fetch(url, { method: 'POST', redirect: 'manual', headers, body, signal })
    // What is not read keeps the connection from being used again; what is too long ends it.
    const text = await readStart(response).catch(() => '')
    if (!response.ok) throw refusal(response.status, describeUrl(url), text)
  })
}

async function readUrl({ url }: Webhook): Promise<string> {
  if (typeof url === 'string') return url
  const text = (await readSecret(url.file)).trim()
  try {
    return parseWebhookUrl(text)
  } catch (thrown) {
    throw new ConvoyError('unavailable', `${url.file} holds no address of a webhook`, { cause: thrown })
  }
}

async function headersOf({ headersFile, secretFile }: Webhook, id: string, body: string): Promise<Headers> {
  const headers = new Headers(headersFile === undefined ? [] : await readHeaders(headersFile))
  const timestamp = String(Math.floor(Date.now() / 1000))
  headers.set('content-type', 'application/json')
  headers.set('user-agent', 'convoy')
  headers.set('webhook-id', id)
  headers.set('webhook-timestamp', timestamp)
  if (secretFile !== undefined) {
    const signed = createHmac('sha256', keyOf(await readSecret(secretFile))).update(`${id}.${timestamp}.${body}`)
    headers.set('webhook-signature', `v1,${signed.digest('base64')}`)
  }
  return headers
}

/** `whsec_` and Base64, as the standard has it, or just a text. */
function keyOf(secret: string): Buffer {
  const text = secret.trim()
  return text.startsWith('whsec_') ? Buffer.from(text.slice('whsec_'.length), 'base64') : Buffer.from(text)
}

/** Lines of `Name: value`. What is wrong is not shown: it is a secret. */
async function readHeaders(path: string): Promise<[string, string][]> {
  const lines = (await readSecret(path)).split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'))
  return lines.map((line, index) => {
    const [, name, value] = /^([\w!#$%&'*+.^`|~-]+):\s*([\t\u0020-\u007e\u0080-\u00ff]*)$/.exec(line.trim()) ?? []
    if (name !== undefined && value !== undefined) return [name, value]
    throw new ConvoyError('unavailable', `header ${index + 1} in ${path} is not of the form "Name: value"`)
  })
}

async function readSecret(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (thrown) {
    throw new ConvoyError('unavailable', `${path} cannot be read: ${reasonOf(thrown)}`, { cause: thrown })
  }
}

/** The act with a signal that aborts with the caller's, and when the time is up. */
async function within(
  { timeoutMs, signal }: WebhookLimits,
  name: string,
  act: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const attempt = new AbortController()
  const end = () => attempt.abort()
  const timer = setTimeout(end, timeoutMs)
  signal.addEventListener('abort', end)
  if (signal.aborted) end()
  try {
    await act(attempt.signal)
  } catch (thrown) {
    throw translate(thrown, name, attempt.signal.aborted ? timeoutMs : undefined)
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', end)
  }
}

function translate(thrown: unknown, name: string, passedMs: number | undefined): ConvoyError {
  if (thrown instanceof ConvoyError) return thrown
  if (passedMs !== undefined) {
    return new ConvoyError('deadline-exceeded', `${name} did not answer within ${passedMs} ms`, { cause: thrown })
  }
  const cause: unknown = thrown instanceof Error ? (thrown.cause ?? thrown) : thrown
  return new ConvoyError('unavailable', `${name} cannot be reached: ${reasonOf(cause)}`, { cause })
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return 'code' in cause ? String(cause.code) : cause.message
}

function refusal(status: number, name: string, text: string): ConvoyError {
  const said = text.trim().replace(/\s+/g, ' ').slice(0, 200)
  const isRedirect = status >= 300 && status < 400
  return new ConvoyError('unavailable', `${name} answered ${status}${said === '' ? '' : `: ${said}`}`, {
    ...(isRedirect ? { hint: 'redirects are not followed: name the address itself' } : {}),
  })
}

/** The first of an answer; the rest of one that is longer is not waited for. */
async function readStart({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = []
  let bytes = 0
  // Leaving the loop early cancels the rest.
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    chunks.push(chunk)
    bytes += chunk.length
    if (bytes > mostAnswerBytes) break
  }
  return Buffer.concat(chunks).toString('utf8').slice(0, mostAnswerBytes)
}
