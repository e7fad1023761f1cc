import { Ec2Failure, invalidValue, missing } from './ec2-failure.js'
import type { CreateVolumeRequest, SnapshotRecord } from './records.js'

interface IopsRule {
  readonly least: number
  readonly most: number
  readonly perGib: number
}

interface TypeRule {
  readonly leastGib: number
  readonly mostGib: number
  readonly iops?: IopsRule
}

/** gp3 has this many whatever its size. */
const gp3BaseIops = 3000
const gp3BaseThroughput = 125
const gp3MostThroughput = 1000

const typeRules: ReadonlyMap<string, TypeRule> = new Map<string, TypeRule>([
  ['gp3', { leastGib: 1, mostGib: 16_384, iops: { least: gp3BaseIops, most: 16_000, perGib: 500 } }],
  ['gp2', { leastGib: 1, mostGib: 16_384 }],
  ['io1', { leastGib: 4, mostGib: 16_384, iops: { least: 100, most: 64_000, perGib: 50 } }],
  ['io2', { leastGib: 4, mostGib: 65_536, iops: { least: 100, most: 256_000, perGib: 1000 } }],
  ['st1', { leastGib: 125, mostGib: 16_384 }],
  ['sc1', { leastGib: 125, mostGib: 16_384 }],
  ['standard', { leastGib: 1, mostGib: 1024 }],
])

/** What a volume of such a request gets: its size and figures as EC2 then shows them. */
export interface VolumeFigures {
  readonly type: string
  readonly sizeGib: number
  readonly iops?: number | undefined
  readonly throughput?: number | undefined
}

/** Throws Ec2Failure for what EC2 refuses, whatever the account and its volumes are. */
export function volumeFigures(request: CreateVolumeRequest, snapshot: SnapshotRecord | undefined): VolumeFigures {
  const type = request.type ?? 'gp2'
  const rule = typeRules.get(type)
  if (rule === undefined)
    throw new Ec2Failure('UnknownVolumeType', `Unsupported volume type '${type}' for volume creation.`)
  const sizeGib = checkedSize(request, snapshot, rule)
  const iops = checkedIops(request.iops, type, sizeGib, rule)
  checkOptions(request, type)
  return { type, sizeGib, iops, throughput: checkedThroughput(request.throughput, type, iops) }
}

function checkedSize({ sizeGib }: CreateVolumeRequest, snapshot: SnapshotRecord | undefined, rule: TypeRule): number {
  const size = sizeGib ?? snapshot?.sizeGib
  if (size === undefined) throw missing('size or snapshotId')
  if (size < (snapshot?.sizeGib ?? 0))
    throw invalidValue(`The size of a volume can't be smaller than the size of its snapshot, ${snapshot?.sizeGib} GiB`)
  if (size < rule.leastGib) throw invalidValue(`Volume of ${size}GiB is too small; minimum is ${rule.leastGib}GiB.`)
  if (size > rule.mostGib) throw invalidValue(`Volume of ${size}GiB is too large; maximum is ${rule.mostGib}GiB.`)
  return size
}

function checkedIops(iops: number | undefined, type: string, sizeGib: number, { iops: rule }: TypeRule) {
  if (rule === undefined) {
    if (iops !== undefined)
      throw new Ec2Failure('InvalidParameterCombination', `The parameter iops is not supported for ${type} volumes.`)
    return type === 'gp2' ? Math.min(Math.max(100, 3 * sizeGib), 16_000) : undefined
  }
  if (iops === undefined) {
    if (type === 'gp3') return gp3BaseIops
    throw missing('iops')
  }
  if (iops < rule.least) throw invalidValue(`Volume iops of ${iops} is too low; minimum is ${rule.least}.`)
  if (iops > rule.most) throw invalidValue(`Volume iops of ${iops} is too high; maximum is ${rule.most}.`)
  const isBase = type === 'gp3' && iops === gp3BaseIops
  if (iops > rule.perGib * sizeGib && !isBase)
    throw invalidValue(
      `Iops to volume size ratio of ${(iops / sizeGib).toFixed(6)} is too high; maximum is ${rule.perGib}`,
    )
  return iops
}

function checkedThroughput(throughput: number | undefined, type: string, iops = gp3BaseIops): number | undefined {
  if (type !== 'gp3') {
    if (throughput === undefined) return undefined
    throw new Ec2Failure('InvalidParameterCombination', 'The parameter throughput can only be specified for gp3.')
  }
  const wanted = throughput ?? gp3BaseThroughput
  if (wanted < gp3BaseThroughput)
    throw invalidValue(`Throughput (MiBps) of ${wanted} is too low; minimum is ${gp3BaseThroughput}.`)
  if (wanted > gp3MostThroughput)
    throw invalidValue(`Throughput (MiBps) of ${wanted} is too high; maximum is ${gp3MostThroughput}.`)
  if (wanted > iops / 4)
    throw invalidValue(
      `Throughput (MiBps) to iops ratio of ${(wanted / iops).toFixed(6)} is too high; maximum is 0.250000`,
    )
  return wanted
}

function checkOptions({ kmsKeyId, isEncrypted, isMultiAttach, clientToken }: CreateVolumeRequest, type: string): void {
  if (kmsKeyId !== undefined && isEncrypted !== true)
    throw new Ec2Failure('InvalidParameterDependency', 'The parameter KmsKeyId requires the parameter Encrypted.')
  if (isMultiAttach === true && type !== 'io1' && type !== 'io2')
    throw new Ec2Failure('InvalidParameterCombination', `The parameter MultiAttachEnabled is not for ${type} volumes.`)
  if (clientToken !== undefined && !/^[\x20-\x7e]{1,64}$/.test(clientToken))
    throw invalidValue('The client token may have at most 64 ASCII characters.')
}
