import { ConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { BlockDevice, BlockDevices, DiskContent, FormatRequest, FsType } from './block-devices.js'
import { pause } from './clock.js'
import { examineDisk, identifyDisk } from './disk-content.js'
import { checkExt4 } from './ext4-check.js'
import { findProgram, runProgram } from './exec.js'
import { withMkfsFiles } from './mkfs-files.js'
import { mkfsWords } from './mkfs-words.js'
import { PinnedDisk } from './pinned-disk.js'
import { SysfsDisks } from './sysfs-disks.js'

const pollMs = 50
const openTimeoutMs = 20_000
/** The largest volume, 64 TiB, takes a slow disk minutes. */
const mkfsTimeoutMs = 10 * 60_000
const usageTimeoutMs = 10_000

export interface SystemBlockDevicesDeps {
  /** A directory that only root can change, for what mkfs reads. */
  readonly workDirectory: string
  readonly sysfs?: string
  readonly run?: typeof runProgram
  readonly findProgram?: typeof findProgram
  readonly pause?: typeof pause
}

/** sysfs for what there is, and children for whatever touches a disk. */
export class SystemBlockDevices implements BlockDevices {
  readonly #deps: Required<SystemBlockDevicesDeps>
  readonly #disks: SysfsDisks
  #round: Promise<void> | undefined
  /** As of this round. */
  #shown: ReadonlyMap<string, string> | undefined

  constructor(deps: SystemBlockDevicesDeps) {
    this.#deps = { sysfs: '/sys', run: runProgram, findProgram, pause, ...deps }
    this.#disks = new SysfsDisks(this.#deps.sysfs)
  }

  async findBySerial(serial: string): Promise<BlockDevice | undefined> {
    return Promise.resolve().then(() => this.#disks.findBySerial(serial))
  }

  async findByName(name: string): Promise<BlockDevice | undefined> {
    return Promise.resolve().then(() => this.#disks.findByName(name))
  }

  async untilThere(serial: string, signal: AbortSignal): Promise<BlockDevice> {
    const found = await this.findBySerial(serial)
    if (found !== undefined) return found
    const look = () => this.#disks.findBySerial(serial, this.#serials())
    return this.#poll(look, signal, `no disk with the serial number ${serial} came up`)
  }

  async untilGone(device: BlockDevice, signal: AbortSignal): Promise<void> {
    if (!this.#disks.has(device)) return
    await this.#poll(() => !this.#disks.has(device) || undefined, signal, `the disk ${device.path} is still there`)
  }

  async verify(device: BlockDevice, serial: string | undefined, call: CallContext): Promise<void> {
    await this.#pin(device, serial).run({ words: ['true'], timeoutMs: openTimeoutMs }, call)
  }

  async examine(device: BlockDevice, call: CallContext): Promise<DiskContent> {
    this.#deps.findProgram('blkid')
    this.#deps.findProgram('cmp')
    return examineDisk(new PinnedDisk(this.#deps, device, device.serial), call)
  }

  async identify(device: BlockDevice, call: CallContext): Promise<DiskContent> {
    this.#deps.findProgram('blkid')
    return identifyDisk(new PinnedDisk(this.#deps, device, device.serial), call)
  }

  async format(device: BlockDevice, request: FormatRequest, call: CallContext): Promise<void> {
    const { fsType, serial, mkfsOptions } = request
    const program = this.#deps.findProgram(`mkfs.${fsType}`)
    const disk = this.#pin(device, serial)
    const content = await this.examine(device, call)
    if (content.kind !== 'blank') throw notBlank(device, content)
    const usage = await this.#deps.run(program, [], { timeoutMs: usageTimeoutMs })
    await withMkfsFiles(this.#deps.workDirectory, request, async (files) => {
      const words = mkfsWords(request, files, usage.stderr + usage.stdout)
      const env = { MKE2FS_CONFIG: files.configuration }
      if (call.signal.aborted) throw new ConvoyError('deadline-exceeded', `no time was left to format ${device.path}`)
      const result = await disk.run({ words, env, timeoutMs: mkfsTimeoutMs, needsBlank: true }, undefined)
      if (result.exitCode === 0) return
      const hint = mkfsOptions.length === 0 ? {} : { hint: `look at the options for mkfs: ${mkfsOptions.join(' ')}` }
      throw new ConvoyError('internal', `mkfs.${fsType} failed on ${device.path}: ${disk.complaint(result)}`, hint)
    })
    await this.#requireFileSystem(disk, fsType, call)
    call.log.info({ disk: device.path, serial, fsType }, 'file system made')
  }

  async check(device: BlockDevice, fsType: FsType, call: CallContext): Promise<void> {
    if (fsType === 'xfs') return
    this.#deps.findProgram('e2fsck')
    await checkExt4(new PinnedDisk(this.#deps, device, device.serial), call)
  }

  /** Fail closed: only the disks that have no serial number may do without. */
  #pin(device: BlockDevice, serial: string | undefined): PinnedDisk {
    if (serial === undefined && !device.path.startsWith('/dev/xvd')) {
      throw new ConvoyError('internal', `the disk ${device.path} cannot be verified without a serial number`)
    }
    return new PinnedDisk(this.#deps, device, serial)
  }

  async #requireFileSystem(disk: PinnedDisk, fsType: FsType, call: CallContext): Promise<void> {
    const content = await examineDisk(disk, call)
    if (content.kind === 'file-system' && content.fsType === fsType) return
    throw new ConvoyError('internal', `mkfs.${fsType} left no ${fsType} on ${disk.path}, but ${nameOf(content)}`)
  }

  async #poll<T>(look: () => T | undefined, signal: AbortSignal, complaint: string): Promise<T> {
    while (!signal.aborted) {
      await this.#nextRound()
      const found = look()
      if (found !== undefined) return found
    }
    throw new ConvoyError('deadline-exceeded', `${complaint} in time`, { cause: signal.reason })
  }

  /** One for all who wait: a host may have more than a hundred disks, and each look reads a file of each. */
  async #nextRound(): Promise<void> {
    this.#round ??= this.#deps.pause(pollMs).then(() => {
      this.#round = undefined
      this.#shown = undefined
    })
    return this.#round
  }

  #serials(): ReadonlyMap<string, string> {
    this.#shown ??= this.#disks.serials()
    return this.#shown
  }
}

function notBlank(device: BlockDevice, content: DiskContent): ConvoyError {
  return new ConvoyError('internal', `the disk ${device.path} is not blank: it holds ${nameOf(content)}`, {
    hint: 'nothing was changed; a disk that holds data is never formatted',
  })
}

function nameOf(content: DiskContent): string {
  if (content.kind === 'blank') return 'nothing'
  return content.kind === 'file-system' ? `a file system (${content.fsType})` : content.description
}
