import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

/** The last bytes of a regular file, as text. Throws what the system says. */
export function readTail(path: string, mostBytes: number): string {
  // Without waiting for whoever writes, should it be a pipe.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK)
  try {
    const status = fstatSync(file)
    if (!status.isFile()) throw new Error(`${path} is no file`)
    const bytes = Buffer.alloc(Math.min(mostBytes, status.size))
    const read = readSync(file, bytes, 0, bytes.length, status.size - bytes.length)
    return bytes.subarray(0, read).toString()
  } finally {
    closeSync(file)
  }
}
