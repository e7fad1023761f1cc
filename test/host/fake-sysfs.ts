import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface FakeDisk {
  readonly number?: string
  readonly serial?: string
  readonly sizeBytes?: number
  /** Where the driver shows the serial number: NVMe in the device, virtio in the disk. */
  readonly serialIn?: 'device' | 'disk'
  readonly hidden?: '0' | '1'
}

/** As much of /sys as tells one disk from another. */
export class FakeSysfs {
  readonly root: string

  constructor(root: string) {
    this.root = root
    mkdirSync(join(root, 'block'), { recursive: true })
    mkdirSync(join(root, 'dev/block'), { recursive: true })
  }

  add(name: string, { number, serial, sizeBytes = 2 ** 30, serialIn = 'device', hidden }: FakeDisk): void {
    const directory = join(this.root, 'block', name)
    mkdirSync(join(directory, 'device'), { recursive: true })
    writeFileSync(join(directory, 'size'), `${sizeBytes / 512}\n`)
    const serialFile = join(directory, serialIn === 'device' ? 'device/serial' : 'serial')
    if (serial !== undefined) writeFileSync(serialFile, `${serial}\n`)
    if (hidden !== undefined) writeFileSync(join(directory, 'hidden'), `${hidden}\n`)
    if (number === undefined) return
    writeFileSync(join(directory, 'dev'), `${number}\n`)
    symlinkSync(`../../block/${name}`, join(this.root, 'dev/block', number))
  }

  remove(name: string, number: string): void {
    rmSync(join(this.root, 'dev/block', number))
    rmSync(join(this.root, 'block', name), { recursive: true })
  }
}
