import { ConvoyError } from '../errors.js'
import { optional } from '../model/optional.js'
import { pause as pauseOfClock } from './clock.js'
import { type RemovedTree, type RemoveTreeOptions, removeTree } from './remove-tree.js'

export interface PatientRemovalOptions extends RemoveTreeOptions {
  /** Called with what is waited for. */
  readonly onWait?: (reason: string) => void
  readonly remove?: (path: string, options: RemoveTreeOptions) => Promise<RemovedTree>
  readonly pause?: typeof pauseOfClock
}

/** Two minutes in all: who has a file open for longer may have it for days. */
const pausesMs = [1, 1, 2, 4, 8, 15, 15, 15, 15, 15, 15, 15].map((seconds) => seconds * 1000)

/** As {@link removeTree}, and waits a while for files on NFS that are still open. ConvoyError `in-use` when they stay open. */
export async function removePatiently(path: string, options: PatientRemovalOptions = {}): Promise<void> {
  const { signal, onProgress, onWait, remove = removeTree, pause = pauseOfClock } = options
  let before = 0
  const progress = { onProgress: (removed: number) => onProgress?.(before + removed) }
  for (const ms of [...pausesMs, 0]) {
    const { entriesRemoved, heldOpen } = await remove(path, { ...optional('signal', signal), ...progress })
    if (heldOpen === undefined) return
    if (ms === 0) throw stillOpen(path, heldOpen)
    before += entriesRemoved
    onWait?.(`a process of this host to close ${JSON.stringify(heldOpen)}`)
    await pause(ms, signal)
  }
}

function stillOpen(path: string, file: string): ConvoyError {
  return new ConvoyError(
    'in-use',
    `${JSON.stringify(file)} in "${path}" is still open: a process of this host uses it`,
    {
      hint: `all else is removed, and the rest is tried again in an hour; find the process: fuser -v '${path}/${file}'`,
    },
  )
}
