import { join } from 'node:path'

/** What a guest reaches at port 80 of an address: a port of this machine's loopback, and nothing else of it. */
export interface Forward {
  /** Of the guest's network 10.0.2.0/24, such as 10.0.2.100. */
  readonly address: string
  readonly port: number
}

export interface Disk {
  readonly file: string
  /** Where the guest mounts it, read-only; it does not touch a disk that has none. */
  readonly mountpoint?: string
}

export interface GuestSettings {
  readonly memoryMib?: number
  readonly cpus?: number
  /** In the guest: /dev/vdb, /dev/vdc and so on. */
  readonly disks?: readonly Disk[]
  /** The disk of a host with systemd (`Lab.hostDisk`), which keeps what is written; without it the guest boots the shared one. */
  readonly host?: string
  /** The guest's address in the network of the lab, such as 10.99.0.1/24; eth0 is there only with one, or with `forwards`. */
  readonly address?: string
  /** In place of an address: eth0 leads to these and nowhere else. A host with systemd has to give it {@link forwardedAddress} itself. */
  readonly forwards?: readonly Forward[]
}

/** Where a guest belongs: what it boots, its files, and its place in the network. */
export interface GuestPlace {
  readonly name: string
  readonly image: string
  readonly directory: string
  readonly network: string
  /** Of the guest in its lab, from 1. */
  readonly number: number
  /** The program `join-port`. */
  readonly joinPort: string
}

/** Of a guest that has `forwards`. */
export const forwardedAddress = '10.0.2.15/24'

/** Free PCIe ports for devices that are plugged in later. */
export const hotplugPorts = 8

/** Which slot of the root bus, and how many fit into one. */
const [firstSlot, functionsPerSlot] = [0x10, 8]

/** The command that boots the guest. It is written beside the guest's console, so that a person can repeat it. */
export function qemuCommand(place: GuestPlace, settings: GuestSettings): readonly string[] {
  return [
    join(place.image, 'qemu'),
    ...machine(place, settings),
    ...channels(place.directory),
    ...[rootDisk(place, settings), ...(settings.disks ?? [])].flatMap(drive),
    ...network(place, settings),
    ...Array.from({ length: hotplugPorts }, (_, index) => rootPort(index)).flat(),
    ...['-append', kernelCommandLine(place, settings)],
  ]
}

function machine({ name, image }: GuestPlace, { memoryMib = 512, cpus = 1 }: GuestSettings): readonly string[] {
  return [
    ...['-name', name, '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    // A copy of QEMU does not find its firmware by itself.
    ...['-L', '/usr/share/qemu', '-L', '/usr/share/seabios'],
    ...['-machine', 'q35', '-accel', 'tcg,thread=multi,tb-size=256', '-cpu', 'max'],
    ...['-smp', String(cpus), '-m', `${memoryMib}M`],
    ...['-kernel', join(image, 'vmlinuz'), '-initrd', join(image, 'initrd.cpio')],
    ...['-object', 'rng-random,filename=/dev/urandom,id=random', '-device', 'virtio-rng-pci,rng=random'],
  ]
}

function channels(directory: string): readonly string[] {
  const socket = (id: string) => `socket,id=${id},path=${join(directory, `${id}.sock`)},server=on,wait=off`
  return [
    ...['-serial', `file:${join(directory, 'console.log')}`],
    ...['-chardev', socket('qmp'), '-mon', 'chardev=qmp,mode=control'],
    ...['-device', 'virtio-serial-pci,id=serial', '-chardev', socket('agent')],
    ...['-device', 'virtserialport,bus=serial.0,chardev=agent,name=convoy.agent'],
  ]
}

function rootDisk({ image }: GuestPlace, { host }: GuestSettings): Disk & { readonly isShared?: boolean } {
  return host === undefined ? { file: join(image, 'root.ext4'), isShared: true } : { file: host }
}

function drive({ file, mountpoint, isShared }: Disk & { readonly isShared?: boolean }, index: number) {
  const isReadOnly = isShared === true || mountpoint !== undefined
  const backend = { driver: 'file', filename: file, ...(isShared === true && { locking: 'off' }) }
  const node = { ...diskNode, 'node-name': `disk${index}`, 'read-only': isReadOnly, file: backend }
  return ['-blockdev', JSON.stringify(node), '-device', `virtio-blk-pci,drive=disk${index}`]
}

/**
 * How QEMU treats the file of a disk. What a guest flushed is in this host's memory, which outlives the guest: to bring it to
 * this host's disk, too, proves nothing and takes long where others write.
 */
export const diskNode = { driver: 'raw', discard: 'unmap', cache: { 'no-flush': true } } as const

/** One multicast group on the loopback device is a private Ethernet, without root and without a bridge. */
function network(place: GuestPlace, { address, forwards }: GuestSettings): readonly string[] {
  if (address !== undefined && forwards !== undefined) throw new Error('a guest has an address or forwards')
  const mac = `52:54:00:00:00:${place.number.toString(16).padStart(2, '0')}`
  const card = ['-device', `virtio-net-pci,netdev=lan,romfile=,mac=${mac}`]
  const lan = `socket,id=lan,mcast=${place.network},localaddr=127.0.0.1`
  if (address !== undefined) return ['-netdev', lan, ...card]
  return forwards === undefined ? [] : ['-netdev', forwardingNetwork(place, forwards), ...card]
}

/** Emulated by QEMU, which keeps the guest from everything but these addresses, and starts a program for each connection. */
function forwardingNetwork({ joinPort }: GuestPlace, forwards: readonly Forward[]): string {
  const rules = forwards.map(({ address, port }) => `guestfwd=tcp:${address}:80-cmd:${joinPort} ${port}`)
  return ['user,id=lan,restrict=on,ipv6=off', ...rules.map((rule) => rule.replaceAll(',', ',,'))].join(',')
}

function rootPort(index: number): readonly string[] {
  const slot = (firstSlot + Math.floor(index / functionsPerSlot)).toString(16)
  const place = `addr=${slot}.${index % functionsPerSlot}${index % functionsPerSlot === 0 ? ',multifunction=on' : ''}`
  return ['-device', `pcie-root-port,id=port${index},bus=pcie.0,chassis=${index + 1},slot=${index + 1},${place}`]
}

function kernelCommandLine({ name }: GuestPlace, settings: GuestSettings): string {
  const { disks = [], host, forwards } = settings
  const address = settings.address ?? (forwards === undefined ? undefined : forwardedAddress)
  const mounts = disks.flatMap(({ mountpoint }, index) =>
    mountpoint === undefined ? [] : [`guest.disk=${diskDevice(index)}:${mountpoint}`],
  )
  return [
    'console=ttyS0 quiet loglevel=4 panic=-1 net.ifnames=0 mitigations=off nokaslr no_timer_check nowatchdog',
    'random.trust_cpu=on audit=0 apparmor=0 cryptomgr.notests',
    // On a busy host the kernel measures the TSC wrong, by up to 7 times, and with it every timeout of the guest.
    'clocksource=hpet tsc=nowatchdog',
    `guest.name=${name}`,
    ...(host === undefined ? [] : ['guest.init=systemd']),
    ...mounts,
    ...(address === undefined ? [] : [`guest.address=${address}`]),
  ].join(' ')
}

/** The device of the disk with this index in `disks`. */
export function diskDevice(index: number): string {
  return `/dev/vd${String.fromCharCode('b'.charCodeAt(0) + index)}`
}
