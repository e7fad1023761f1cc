import type { Notice, NotifyTarget } from '../model/notify-target.js'
import { runNotifyCommand } from './notify-command.js'
import { WebhookProcess } from './webhook-process.js'

/** One attempt to tell a target of something. */
export interface Delivery {
  readonly target: Pick<NotifyTarget, 'destination' | 'timeoutMs'>
  readonly notice: Notice
  readonly signal: AbortSignal
}

/** Hands notices over to what is outside of this program. */
export interface Notifier {
  /** Resolves once the target has taken it; ConvoyError with what the target says, or that it did not say anything in time. */
  deliver(delivery: Delivery): Promise<void>
  close(): void
}

export class SystemNotifier implements Notifier {
  readonly #webhooks = new WebhookProcess()

  async deliver({ target: { destination, timeoutMs }, notice, signal }: Delivery): Promise<void> {
    if (destination.kind === 'webhook') await this.#webhooks.post(destination, notice, { timeoutMs, signal })
    else await runNotifyCommand(destination, notice, { timeoutMs, signal })
  }

  close(): void {
    this.#webhooks.close()
  }
}
