import { once } from 'node:events'
import { createServer } from 'node:net'
import { ConvoyError } from '../errors.js'
import { hashOf } from './record.js'

/**
 * Makes this process the only one that installs or uninstalls there, until it ends. ConvoyError `in-use` while another one is.
 */
export async function takeTurn(library: string): Promise<void> {
  const server = createServer()
  // A socket without a file: the kernel takes it back however this process ends.
  server.listen(`\0convoy-installation-${hashOf(library)}`)
  try {
    await once(server, 'listening')
    server.unref()
  } catch (cause) {
    throw new ConvoyError('in-use', `another process installs or uninstalls convoy in ${library}`, {
      hint: 'wait for its end, then run this again',
      cause,
    })
  }
}
