import { spawnSync } from 'node:child_process'
import { mkdirSync, openSync, closeSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { basename, join } from 'node:path'
import type { Test } from 'tap'
import type { BlockDevice } from '../../../src/host/block-devices.js'
import { FakeSysfs } from '../../host/fake-sysfs.js'
import { run, temporaryDirectory } from './mount-fixtures.js'

export const loopSerial = 'vol0123456789abcdef0'

/** A real disk, of zeros, that a made-up sysfs shows with the serial number of an EBS volume. Goes with the test. */
export class LoopDisk {
  readonly directory: string
  readonly image: string
  readonly device: BlockDevice
  readonly sysfs: FakeSysfs
  readonly workDirectory: string

  constructor(t: Test, mebibytes = 64) {
    this.directory = temporaryDirectory(t)
    this.image = join(this.directory, 'image')
    this.workDirectory = join(this.directory, 'work')
    mkdirSync(this.workDirectory)
    const sizeBytes = mebibytes * 2 ** 20
    writeFileSync(this.image, '')
    truncateSync(this.image, sizeBytes)
    const path = run('losetup', '--show', '-f', this.image).trim()
    t.teardown(() => spawnSync('losetup', ['-d', path]))
    const { rdev } = statSync(path)
    const number = `${(rdev >> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >> 12) & 0xfff00)}`
    this.sysfs = new FakeSysfs(join(this.directory, 'sys'))
    this.sysfs.add(basename(path), { number, serial: loopSerial, sizeBytes })
    this.device = { path, number, sizeBytes, serial: loopSerial }
  }

  /** Past every file system, as another program would. */
  write(bytes: Buffer | string, offset: number): void {
    const file = openSync(this.device.path, 'r+')
    try {
      writeSync(file, Buffer.from(bytes), 0, Buffer.byteLength(bytes), offset)
    } finally {
      closeSync(file)
    }
    run('sync', this.device.path)
  }
}
