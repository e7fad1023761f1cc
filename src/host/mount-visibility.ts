import { readlinkSync } from 'node:fs'
import { ConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { Mounter } from './mounter.js'
import { readMountTable } from './mount-table.js'

interface VisibilityDeps {
  readonly mounter: Mounter
  /** Directory that only root may change, for a mount of a moment. */
  readonly directory: string
  readonly readHostTable?: () => ReturnType<typeof readMountTable>
  readonly isHostNamespace?: () => boolean
}

/** Settings of a systemd unit that do it, each verified; the service works on and nobody sees its mounts. */
const hidingDirectives =
  'PrivateTmp, PrivateDevices, PrivateMounts, PrivateIPC, ProtectSystem, ProtectHome, ProtectProc, ProcSubset, ProtectKernelTunables, ' +
  'ProtectKernelModules, ProtectKernelLogs, ProtectControlGroups, ReadOnlyPaths, ReadWritePaths, InaccessiblePaths, BindPaths, TemporaryFileSystem'

/**
 * Whether the host, and Docker with it, sees what this process mounts, at the path where it mounts it. Resolves to what is wrong,
 * and undefined when all is well. It makes a mount, because nothing else proves it; what can be told of another process, without
 * one, is in mount-propagation.
 */
export async function findMountsHidden(deps: VisibilityDeps, call: CallContext): Promise<ConvoyError | undefined> {
  const { mounter, directory: mountpoint, readHostTable = () => readMountTable('/proc/1/mountinfo') } = deps
  if ((deps.isHostNamespace ?? isHostNamespace)()) return undefined
  await mounter.mount({ source: 'convoy-self-test', fsType: 'tmpfs', options: ['size=4k'], mountpoint }, call)
  try {
    const entries = await readHostTable()
    return entries.some((entry) => entry.mountpoint === mountpoint) ? undefined : hidden()
  } finally {
    await mounter.unmount(mountpoint, call)
  }
}

function isHostNamespace(): boolean {
  try {
    return readlinkSync('/proc/self/ns/mnt') === readlinkSync('/proc/1/ns/mnt')
  } catch {
    // Not ours to read: then not ours to mount either.
    return true
  }
}

function hidden(): ConvoyError {
  return new ConvoyError(
    'unavailable',
    'Docker would not see the volumes: convoy runs in a mount namespace of its own',
    {
      hint: `remove the setting of its unit that does it ("systemctl cat" shows them), one of: ${hidingDirectives}`,
    },
  )
}
