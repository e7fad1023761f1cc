import { ConvoyError, isConvoyError } from '../../errors.js'
import type { FileResult } from '../../host/file-operations.js'
import { optional } from '../../model/optional.js'
import { parseOptions } from '../../model/options.js'
import type { Attributes, VolumeHandle } from '../../model/volume.js'
import { parseVolumeName, type VolumeName } from '../../model/volume-name.js'
import type { DiscoveredVolume } from '../driver.js'
import { describeFault, parseSidecar, type Sidecar } from './sidecar.js'
import { vfsVolumeOptions } from './vfs-options.js'

/** What a sidecar does not say: it is read on many hosts, and whoever may write there is not believed. */
export interface SidecarContext {
  readonly defaultSizeBytes: number
  /** Attributes of a handle that say on which share the sidecar is; none in the main place. */
  readonly where: Attributes
}

/** The handle of the volume that a sidecar describes. `imageBytes`: it holds a disk image for a virtual machine. */
export function handleOf(sidecar: Sidecar, { defaultSizeBytes, where }: SidecarContext): VolumeHandle {
  const { vm } = parseOptions(vfsVolumeOptions, knownOptions(sidecar), 'volume option')
  const { name, id, directory, state, sizeBytes, quotaProject } = sidecar
  const imageBytes = vm ? String(sizeBytes ?? defaultSizeBytes) : undefined
  return {
    name,
    id,
    attributes: {
      directory,
      ...where,
      ...optional('imageBytes', imageBytes),
      ...optional('quotaProject', quotaProject === undefined ? undefined : String(quotaProject)),
      ...optional('trashed', state === 'trashed' ? 'true' : undefined),
    },
  }
}

/** A sidecar of a newer program may bear options that this one does not know. */
function knownOptions(sidecar: Sidecar) {
  return Object.fromEntries(Object.entries(sidecar.options).filter(([name]) => name === 'vm'))
}

export function discovered(sidecar: Sidecar, handle: VolumeHandle): DiscoveredVolume {
  return {
    handle,
    state: sidecar.state,
    origin: sidecar.origin,
    createdAt: sidecar.createdAt,
    options: sidecar.options,
    ...optional('onRemove', sidecar.onRemove),
    ...optional('sizeBytes', sidecar.sizeBytes),
    ...optional('retiredAt', sidecar.retiredAt),
  }
}

/** Handles come back from the ledger; what becomes part of a path is parsed again. */
export function directoryOf(volume: VolumeHandle): VolumeName {
  return parseVolumeName(volume.attributes['directory'])
}

export function isTrashed(volume: VolumeHandle): boolean {
  return volume.attributes['trashed'] === 'true'
}

export function withoutRetirement(sidecar: Sidecar): Sidecar {
  const { retiredAt, ...live } = sidecar
  return { ...live, state: 'live' }
}

/**
 * The sidecar in the answer of a `read` of that file, if there is one. ConvoyError `unavailable` for a file that is none: what it
 * was must not be lost.
 */
export function readSidecar(result: FileResult | undefined, path: string): Sidecar | undefined {
  if (typeof result !== 'string') return undefined
  const sidecar = parseSidecar(result)
  if (sidecar !== undefined) return sidecar
  const { problem, hint } = describeFault(result)
  throw new ConvoyError('unavailable', `the sidecar ${path} cannot be read: ${problem}`, { hint })
}

/** Whether a `stat` found a directory; ConvoyError when it found anything else, a link above all. */
export function isDirectory(result: FileResult | undefined, path: string): boolean {
  if (result === null || result === undefined) return false
  if (typeof result === 'object' && 'kind' in result && result.kind === 'directory') return true
  throw new ConvoyError('invalid-argument', `${path} is not a directory`, {
    hint: 'move it away, or choose another name',
  })
}

export function noSuchDirectory(path: string): ConvoyError {
  return new ConvoyError('not-found', `there is no directory ${path} to take over`)
}

export function fixedImage(volume: VolumeHandle): ConvoyError {
  return new ConvoyError('unsupported', `volume "${volume.name}" holds a disk image, which is not resized with it`, {
    hint: 'stop the virtual machine, then: truncate --size SIZE disk.img in the volume',
  })
}

export function holdsMore(volume: VolumeHandle, usedBytes: number): ConvoyError {
  return new ConvoyError('invalid-argument', `volume "${volume.name}" holds ${usedBytes} bytes already`, {
    hint: 'choose a larger size, or remove some of its files',
  })
}

export function nameTaken(name: VolumeName, path: string): ConvoyError {
  return new ConvoyError('already-exists', `${path} belongs to another volume`, {
    hint: `choose another name than "${name}"`,
  })
}

export function missing(volume: VolumeHandle): never {
  throw new ConvoyError('not-found', `volume "${volume.name}" has no sidecar with its id: it is left untouched`, {
    hint: 'another host removed or replaced it; restart convoy to read the storage again',
  })
}

/** A root without our own directory is a disk or share that is not there, and may come; a directory that is gone does not. */
export function missingDirectory(volume: VolumeHandle, path: string, isRootThere: boolean): ConvoyError {
  if (isRootThere) {
    return new ConvoyError('not-found', `the directory ${path} of volume "${volume.name}" is missing`, {
      hint: `restore it, or drop the volume: convoy delete --reference ${volume.name}`,
    })
  }
  return new ConvoyError('unavailable', `the storage of volume "${volume.name}" is not there: no ${path}`, {
    hint: 'mount the disk or share that holds it',
  })
}

export function missingRoot(root: string, cause?: ConvoyError): ConvoyError {
  return new ConvoyError('unavailable', `the directory ${root} of driver vfs is not there`, {
    hint: 'mount the disk or share that holds it',
    cause,
  })
}

/** For what may be gone already. */
export function unlessNotFound(thrown: unknown): void {
  if (!isConvoyError(thrown, 'not-found')) throw thrown
}
