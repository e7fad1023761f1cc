import { fsync } from 'node:fs'
import { promisify } from 'node:util'
import { isMainThread, parentPort, Worker } from 'node:worker_threads'
import { codeOf, unnamedError } from '../errors.js'
import { type FileResult, performFileOperation } from './file-operations.js'
import type { FileAnswer, FileRequest } from './file-process.js'
import { type Fsync, fsyncHere } from './replace-file.js'

// The child of FileProcess, and each of its threads. Any call below may hang; the parent then leaves the child behind.

const lanes = new Map<string, Worker>()

/** Requests that have begun and not ended. */
let underWay = 0

if (isMainThread) {
  // Not process.exit(): it would wait for a thread that hangs.
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'))
  process.on('message', (request: FileRequest) => {
    if (request.lane === undefined) void perform(request, syncTogether).then((answer) => process.send?.(answer))
    else laneOf(request.lane).postMessage(request)
  })
} else {
  parentPort?.on('message', (request: FileRequest) => {
    // The threads of libuv are few, and for all lanes: one that hangs may not take them.
    void perform(request, fsyncHere).then((answer) => parentPort?.postMessage(answer))
  })
}

function laneOf(name: string): Worker {
  const known = lanes.get(name)
  if (known !== undefined) return known
  const lane = new Worker(new URL(import.meta.url), { resourceLimits: { maxYoungGenerationSizeMb: 1 } })
  lane.on('message', (answer: FileAnswer) => process.send?.(answer))
  lanes.set(name, lane)
  return lane
}

async function perform({ id, operations }: FileRequest, sync: Fsync): Promise<FileAnswer> {
  const results: FileResult[] = []
  underWay++
  try {
    for (const operation of operations) results.push(await performFileOperation(operation, sync))
    return { id, results }
  } catch (thrown) {
    const code = codeOf(thrown)
    const message = thrown instanceof Error ? thrown.message : String(thrown)
    return { id, error: { code, message: message.replace(unnamedError, code) } }
  } finally {
    underWay--
  }
}

/** Alone, the way to another thread and back costs more than it gives; together, the disk serves several with one flush. */
const syncTogether: Fsync = (fd) => (underWay === 1 ? fsyncHere(fd) : promisify(fsync)(fd))
