import { fsync, fsyncSync } from 'node:fs'
import { promisify } from 'node:util'
import { codeOf } from '../errors.js'
import { type FileResult, performFileOperation } from './file-operations.js'
import type { FileAnswer, FileRequest } from './file-process.js'

// The child of FileProcess. It may hang in any call below; its parent then leaves it behind.

/** Requests that have begun and not ended. */
let underWay = 0

process.on('disconnect', () => process.exit(0))
process.on('message', (request: FileRequest) => {
  void perform(request).then((answer) => process.send?.(answer))
})

async function perform({ id, operations }: FileRequest): Promise<FileAnswer> {
  const results: FileResult[] = []
  underWay++
  try {
    for (const operation of operations) results.push(await performFileOperation(operation, sync))
    return { id, results }
  } catch (thrown) {
    return { id, error: { code: codeOf(thrown), message: thrown instanceof Error ? thrown.message : String(thrown) } }
  } finally {
    underWay--
  }
}

/** Alone, the way to another thread and back costs more than it gives; together, the disk serves several with one flush. */
async function sync(fd: number): Promise<void> {
  if (underWay === 1) fsyncSync(fd)
  else await promisify(fsync)(fd)
}
