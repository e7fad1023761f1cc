import { deleteBackup } from '../../../src/repository/upkeep/delete-backup.js'
import { MemoryBucket } from '../../fakes/memory-object-store.js'
import { TinyHost } from '../tiny-world.js'

const minuteMs = 60_000
export const hourMs = 60 * minuteMs
export const names = (count: number) =>
  Array.from({ length: count }, (_, at) => `backup-${String(at).padStart(16, '0')}`)
export const [first, second, third] = names(3) as [string, string, string]
export const contents = (...words: readonly string[]) => words.map((word) => word.repeat(40))

export async function setUp() {
  const bucket = new MemoryBucket()
  const host = await TinyHost.start(bucket)
  const another = (before?: (step: string) => Promise<void> | void) => TinyHost.start(bucket, before)
  const remove = (name: string) => deleteBackup(host.repository, { volume: 'db1', name }, host.call)
  const backUp = (name: string, ...words: readonly string[]) =>
    host.backUp({ volume: 'db1', name, contents: contents(...words) })
  return { bucket, host, another, remove, backUp, packs: () => [...bucket.keys('data/'), ...bucket.keys('meta/')] }
}

/** Lets somebody act once, just before a step. */
export function once(wanted: string, act: () => Promise<unknown>): (step: string) => Promise<void> | void {
  let isDone = false
  return (step) => {
    if (isDone || !step.startsWith(wanted)) return undefined
    isDone = true
    return act().then(() => undefined)
  }
}
