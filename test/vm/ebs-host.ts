import { convoyDisk, GuestConvoy } from './guest-convoy.js'
import { ec2Endpoint, ec2Environment, type GuestCloud } from './guest-cloud.js'
import type { Guest } from './guest.js'
import type { Lab } from './lab.js'
import { serialOf } from './nvme-ports.js'
import { diskDevice } from './qemu-command.js'

const flags = `--drivers ebs --cluster blue --driver-opts ebs.endpoint=${ec2Endpoint}`
/** For what takes seconds. */
const patienceMs = 5 * 60_000

interface DockerAnswer {
  readonly Mountpoint?: string
  readonly Err?: string
}

/** A guest that takes itself for an instance of EC2, with a daemon whose volumes are on EBS. All of them are one cluster. */
export class EbsHost {
  readonly instanceId: string
  readonly guest: Guest
  readonly convoy: GuestConvoy

  private constructor(parts: Pick<EbsHost, 'instanceId' | 'guest' | 'convoy'>) {
    this.instanceId = parts.instanceId
    this.guest = parts.guest
    this.convoy = parts.convoy
  }

  /** `more`: flags of the daemon. */
  static async boot(lab: Lab, cloud: GuestCloud, name: string, more = ''): Promise<EbsHost> {
    const { id: instanceId, forwards } = await cloud.addInstance(name)
    const state = { file: lab.blankDisk(`${name}-state`, 128) }
    const guest = await lab.boot(name, { memoryMib: 1024, forwards, disks: [convoyDisk(lab), state] })
    await cloud.disks.start(instanceId, guest)
    const device = diskDevice(1)
    await guest.sh(`mkfs.ext4 -q ${device} && mkdir -p /var/lib/convoy && mount ${device} /var/lib/convoy`)
    const variables = Object.entries(ec2Environment).map(([key, value]) => `${key}=${value}`)
    const convoy = await GuestConvoy.startWith(guest, 'ebs', `${flags} ${more}`, `export ${variables.join(' ')}`)
    return new EbsHost({ instanceId, guest, convoy })
  }

  /** See Guest. */
  async sh(script: string): Promise<string> {
    return await this.guest.sh(script, patienceMs)
  }

  /** Resolves to where it is. */
  async mount(volume: string): Promise<string> {
    return (await this.convoy.cli(`mount ${volume}`)).trim()
  }

  async unmount(volume: string): Promise<void> {
    await this.convoy.cli(`umount ${volume}`)
  }

  /** What the daemon answers Docker: without `Err` when all is well. */
  async askAsDocker(method: 'Mount' | 'Unmount', volume: string, id: string): Promise<DockerAnswer> {
    const request = JSON.stringify({ Name: volume, ID: id })
    const options = `{ socketPath: '/run/docker/plugins/ebs.sock', path: '/VolumeDriver.${method}', method: 'POST' }`
    const script = `require('http').request(${options}, (it) => it.pipe(process.stdout)).end('${request}')`
    // The shape of the plugin protocol.
    return JSON.parse(await this.sh(`node -e "${script.replaceAll('"', '\\"')}"`)) as DockerAnswer
  }

  /** The kernel's name of the volume's disk; none while it is not here. */
  async deviceOf(volumeId: string): Promise<string | undefined> {
    const found = await this.sh(`cd /sys/block && grep -lw ${serialOf(volumeId)} */device/serial || true`)
    return found === '' ? undefined : `/dev/${found.split('/')[0] ?? ''}`
  }

  /** Of all files below a directory, but what fsck puts there. */
  async checksums(directory: string): Promise<string> {
    return await this.sh(`cd ${directory} && find . -type f ! -path './lost+found/*' -exec sha256sum {} + | sort`)
  }

  /** What has happened, a JSON object a line. */
  async events(type: string, volume: string): Promise<readonly string[]> {
    const shown = await this.convoy.cli(`events --since 0 --no-follow --format json --type ${type} --volume ${volume}`)
    return shown.split('\n').filter((line) => line !== '')
  }
}

/** What a shell does to make a file that is like no other. */
export const randomFile = (directory: string, name: string) => `head -c 3000000 /dev/urandom > ${directory}/${name}`
