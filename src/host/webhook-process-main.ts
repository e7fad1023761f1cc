import { toConvoyError } from '../errors.js'
import { optional } from '../model/optional.js'
import { postWebhook } from './webhook.js'
import type { WebhookAnswer, WebhookRequest } from './webhook-process.js'

// The child of WebhookProcess.

const underWay = new Map<number, AbortController>()

process.on('disconnect', () => process.exit(0))
process.on('message', (request: WebhookRequest) => {
  if ('abort' in request) underWay.get(request.abort)?.abort()
  else void post(request).then((answer) => process.send?.(answer))
})

async function post({
  id,
  webhook,
  notice,
  timeoutMs,
}: Exclude<WebhookRequest, { abort: number }>): Promise<WebhookAnswer> {
  const attempt = new AbortController()
  underWay.set(id, attempt)
  try {
    await postWebhook(webhook, notice, { timeoutMs, signal: attempt.signal })
    return { id }
  } catch (thrown) {
    const { code, message, hint } = toConvoyError(thrown)
    return { id, error: { code, message, ...optional('hint', hint) } }
  } finally {
    underWay.delete(id)
  }
}
