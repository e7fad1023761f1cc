import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { PluginClient } from '../test/engine/plugin-client.js'
import type { Samples } from './statistics.js'

interface Assignment {
  readonly socketPath: string
  readonly clients: number
  readonly durationMs: number
  /** Of the volumes that it makes. */
  readonly prefix: string
}

/** Clients that create and mount volumes, in a thread of their own: this one's clock is to feel the daemon only. */
export async function createAndMount(assignment: Assignment, changes: Samples): Promise<void> {
  const worker = new Worker(new URL(import.meta.url), { workerData: assignment })
  await new Promise<void>((resolve, reject) => {
    worker.on('message', (ms: number) => changes.add(ms))
    worker.on('error', reject)
    worker.on('exit', () => resolve())
  })
}

async function work({ socketPath, clients, durationMs, prefix }: Assignment): Promise<void> {
  const agent = new Agent({ keepAlive: true })
  const plugin = new PluginClient(socketPath, agent)
  const end = performance.now() + durationMs
  const one = async (client: number): Promise<void> => {
    for (let index = 0; performance.now() < end; index++) {
      const name = `${prefix}-${client}-${index}`
      await timed(() => plugin.create(name))
      await timed(() => plugin.mount(name, 'd'.repeat(64)))
      await sleep(20)
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, client) => one(client)))
  agent.destroy()
}

async function timed(act: () => Promise<{ readonly Err?: string }>): Promise<void> {
  const start = performance.now()
  const { Err } = await act()
  if (Err !== undefined && Err !== '') throw new Error(Err)
  parentPort?.postMessage(performance.now() - start)
}

// createAndMount, the only one to start this as a thread, passes the assignment.
if (!isMainThread && parentPort !== null) await work(workerData as Assignment)
