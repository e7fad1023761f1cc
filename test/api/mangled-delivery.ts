import { once } from 'node:events'
import { connect } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { MangledRequest } from './mangled-requests.js'

/** How long one that waits does so after the last word; not a limit for any answer. */
const quietMs = 10

/** Writes it to a connection of its own, and resolves to what came back before the other side ended it, or we hung up. */
export async function deliver(socketPath: string, { pieces, ending }: MangledRequest): Promise<string> {
  const socket = connect({ path: socketPath, allowHalfOpen: true })
  let received = ''
  // A reset is an answer, too.
  socket.on('error', () => undefined)
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.setEncoding('latin1').on('data', (text: string) => (received += text))
  socket.once('end', () => socket.end())
  for (const piece of pieces) {
    socket.write(piece)
    if (pieces.length > 3) await turn()
  }
  if (ending === 'hangs up') {
    if (socket.connecting) await once(socket, 'connect').catch(() => undefined)
    socket.destroy()
  } else if (ending === 'half-closes') socket.end()
  else socket.setTimeout(quietMs, () => socket.end())
  await closed
  return received
}

/** The statuses of all answers in the text. */
export function statusesIn(received: string): readonly number[] {
  return [...received.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status))
}
