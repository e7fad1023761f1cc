import { type FileResult, performFileOperation } from './file-operations.js'
import type { FileAnswer, FileRequest } from './file-process.js'

// The child of FileProcess. It may hang in any call below; its parent then leaves it behind.

process.on('disconnect', () => process.exit(0))
process.on('message', (request: FileRequest) => {
  void perform(request).then((answer) => process.send?.(answer))
})

async function perform({ id, operations }: FileRequest): Promise<FileAnswer> {
  const results: FileResult[] = []
  try {
    for (const operation of operations) results.push(await performFileOperation(operation))
    return { id, results }
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : ''
    return { id, error: { code, message: thrown instanceof Error ? thrown.message : String(thrown) } }
  }
}
