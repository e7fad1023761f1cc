import { isMainThread } from 'node:worker_threads'

/** Loaded into a daemon that runs with --expose-gc: SIGUSR2 makes it collect its garbage and say what is left. */
if (isMainThread)
  process.on('SIGUSR2', () => {
    globalThis.gc?.()
    globalThis.gc?.()
    const { heapUsed, external } = process.memoryUsage()
    process.stderr.write(`${JSON.stringify({ heapUsed: heapUsed + external })}\n`)
  })
