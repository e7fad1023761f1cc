import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { basename } from 'node:path'
import { ConvoyError, isErrno } from '../errors.js'
import type { BlockDevice } from './block-devices.js'

/** What becomes a path in /dev is a name of the kernel, and plain. */
const kernelName = /^[a-z][a-z0-9]{0,30}$/
/** The root disk is `sda1` or `xvda`, and never a volume's. */
const xenName = /^(?:\/dev\/)?(?:sd|xvd)([b-z][a-z]?)$/
const sectorBytes = 512

/** The kernel's list of disks. sysfs answers from memory, also when a disk hangs. */
export class SysfsDisks {
  readonly #root: string

  constructor(root = '/sys') {
    this.#root = root
  }

  /** Of each disk that has one, by the kernel's name of the disk. */
  serials(): ReadonlyMap<string, string> {
    const found = this.#names().map((name) => [name, this.#serialIn(`block/${name}`)] as const)
    return new Map(found.flatMap(([name, serial]) => (serial === undefined ? [] : [[name, serial]])))
  }

  findBySerial(serial: string, shown = this.serials()): BlockDevice | undefined {
    const wanted = plainSerial(serial)
    if (wanted === '') throw new ConvoyError('invalid-argument', 'a disk without a serial number cannot be looked for')
    const found = [...shown].flatMap(([name, its]) => (its === wanted ? (this.#read(name) ?? []) : []))
    if (found.length <= 1) return found[0]
    const paths = found.map(({ path }) => path).join(', ')
    throw new ConvoyError('internal', `several disks of this host have the serial number ${wanted}: ${paths}`)
  }

  /** See {@link BlockDevices.findByName}. */
  findByName(name: string): BlockDevice | undefined {
    const letters = xenName.exec(name)?.[1]
    return letters === undefined ? undefined : this.#read(`xvd${letters}`)
  }

  /** False when its number is free or belongs to another disk. */
  has({ path, number, serial }: BlockDevice): boolean {
    const link = `dev/block/${number}`
    if (this.#nameOf(link) !== basename(path)) return false
    const shown = this.#serialIn(link)
    // A serial that cannot be read any more is that of a disk which is about to go.
    return serial === undefined || shown === undefined || shown === plainSerial(serial)
  }

  #names(): readonly string[] {
    try {
      return readdirSync(`${this.#root}/block`).filter((name) => kernelName.test(name))
    } catch (cause) {
      throw new ConvoyError('unavailable', `the disks of this host cannot be listed: ${String(cause)}`, { cause })
    }
  }

  /** None for one path of several to an NVMe disk, which the kernel hides, and for a disk that is about to come or go. */
  #read(name: string): BlockDevice | undefined {
    const number = this.#text(`block/${name}/dev`)
    const sectors = this.#text(`block/${name}/size`)
    if (number === undefined || !/^\d+:\d+$/.test(number) || this.#text(`block/${name}/hidden`) === '1')
      return undefined
    if (sectors === undefined || !/^[1-9]\d{0,12}$/.test(sectors)) return undefined
    const serial = this.#serialIn(`block/${name}`)
    const found = { path: `/dev/${name}`, number, sizeBytes: Number(sectors) * sectorBytes }
    return serial === undefined ? found : { ...found, serial }
  }

  #serialIn(directory: string): string | undefined {
    const shown = this.#text(`${directory}/device/serial`) ?? this.#text(`${directory}/serial`)
    return shown === undefined ? undefined : plainSerial(shown)
  }

  #text(path: string): string | undefined {
    try {
      return readFileSync(`${this.#root}/${path}`, 'latin1').trim() || undefined
    } catch {
      // It has none, or went away meanwhile: either way not the disk that is looked for.
      return undefined
    }
  }

  #nameOf(link: string): string | undefined {
    try {
      return basename(readlinkSync(`${this.#root}/${link}`))
    } catch (cause) {
      if (isErrno(cause, 'ENOENT')) return undefined
      throw new ConvoyError('unavailable', `the kernel does not say which disk ${link} is: ${String(cause)}`, { cause })
    }
  }
}

/** NVMe has room for `vol0123456789abcdef0`, EC2 says `vol-0123456789abcdef0`. */
export function plainSerial(serial: string): string {
  return serial.trim().replace(/^vol-/, 'vol')
}
