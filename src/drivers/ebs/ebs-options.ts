import { ConvoyError } from '../../errors.js'
import { fsTypes } from '../../host/block-devices.js'
import { endpointOf, parseRegion } from '../../model/aws.js'
import { oneOf, type Option, type OptionTable, parseBoolean, wholeNumber, withDefault } from '../../model/options.js'
import { ownershipOptions } from '../../model/ownership-options.js'
import { parseSizeBytes } from '../../model/size.js'
import { volumeTypes } from './ec2-api.js'
import { parseMkfsOptions, parseDiskMountOptions } from './file-system-options.js'
import { oldEbsOptions } from './old-ebs-options.js'
import { parseTag, parseTags } from './user-tags.js'

const typeOption = { parse: oneOf(...volumeTypes), placeholder: 'TYPE' }
const keyOption = { parse: parseKeyId, placeholder: 'KEY' }

/** `--driver-opts ebs.…` */
export const ebsDriverOptions = {
  region: {
    parse: parseRegion,
    placeholder: 'REGION',
    help: 'region of the volumes, for example eu-west-1; without it that of this instance',
  },
  endpoint: {
    parse: endpointOf('ec2'),
    placeholder: 'URL',
    help: 'address of the EC2 API, where it is not the public one',
  },
  defaultvolumesize: withDefault('4G', {
    parse: parseSizeBytes,
    placeholder: 'SIZE',
    help: 'size of a volume that is created without one',
  }),
  defaultvolumetype: withDefault('gp3', { ...typeOption, help: 'type of a volume that is created without one' }),
  defaultencrypted: {
    parse: parseBoolean,
    placeholder: 'BOOL',
    help: 'encrypt volumes that do not say; without it as the account has it set',
  },
  defaultkmskeyid: { ...keyOption, help: 'key of KMS for volumes that name none; they are encrypted' },
  defaultfstype: withDefault('ext4', {
    parse: oneOf(...fsTypes),
    placeholder: fsTypes.join('|'),
    help: 'file system of a volume that does not say',
  }),
  fsfreeze: {
    parse: parseBoolean,
    placeholder: 'BOOL',
    help: 'accepted for old scripts; has no effect',
  },
} satisfies OptionTable

/** `-o …` of an ebs volume. */
export const ebsVolumeOptions = {
  size: {
    parse: parseSizeBytes,
    placeholder: 'SIZE',
    help: 'size of a new volume, for example 20G; whole GiB, rounded up',
  },
  type: { ...typeOption, help: `type of the volume: ${volumeTypes.join(', ')}` },
  iops: { parse: wholeNumber(1, 1_000_000), placeholder: 'NUMBER', help: 'operations per second, of gp3, io1 and io2' },
  iopsPerGB: { parse: wholeNumber(1, 1000), placeholder: 'NUMBER', help: 'the same for each GiB of the size' },
  throughput: { parse: wholeNumber(1, 100_000), placeholder: 'MIB/S', help: 'throughput, of gp3' },
  encrypted: { parse: parseBoolean, placeholder: 'BOOL', help: 'encrypt the volume' },
  kmsKeyId: { ...keyOption, help: 'key of KMS that encrypts it' },
  fsType: { parse: oneOf(...fsTypes), placeholder: fsTypes.join('|'), help: 'file system that a new volume gets' },
  mkfsOptions: {
    parse: parseMkfsOptions,
    placeholder: 'OPTIONS',
    help: 'how it is made, for example "-m 0 -N 100000"',
  },
  mountOptions: {
    parse: parseDiskMountOptions,
    placeholder: 'OPTIONS',
    help: 'how it is mounted, for example noatime,discard',
  },
  az: { parse: parseZone, placeholder: 'ZONE', help: 'availability zone of a new volume; that of this instance' },
  id: {
    parse: parseVolumeId,
    placeholder: 'VOLUME',
    help: 'take over this existing volume of EBS, with what it holds: vol-…',
  },
  snapshotId: {
    parse: parseSnapshotId,
    placeholder: 'SNAPSHOT',
    help: 'make the volume of this snapshot of EBS: snap-…',
  },
  tags: { parse: parseTags, placeholder: 'KEY=VALUE,…', help: 'tags of the volume' },
  'tag.*': { parse: parseTag, placeholder: 'VALUE', help: 'one tag of the volume: tag.team=db', isFamily: true },
  ...ownershipOptions,
  ...oldEbsOptions,
} satisfies Readonly<Record<string, Option<unknown>>>

function parseZone(text: string): string {
  if (/^[a-z]{2,3}(?:-[a-z0-9]+)+-\d{1,2}[a-z]$/.test(text)) return text
  throw refused(text, 'an availability zone', 'for example eu-west-1a')
}

/** `vol-` and 8 or 17 hex digits. */
function parseVolumeId(text: string): string {
  if (/^vol-(?:[0-9a-f]{8}|[0-9a-f]{17})$/.test(text)) return text
  throw refused(
    text,
    'the id of a volume of EBS',
    'for example vol-0123456789abcdef0; aws ec2 describe-volumes shows it',
  )
}

function parseSnapshotId(text: string): string {
  if (/^snap-(?:[0-9a-f]{8}|[0-9a-f]{17})$/.test(text)) return text
  throw refused(text, 'the id of a snapshot of EBS', 'for example snap-0123456789abcdef0')
}

/** An id, an alias, or the ARN of either. */
function parseKeyId(text: string): string {
  if (/^[A-Za-z0-9:/_-]{1,256}$/.test(text)) return text
  throw refused(text, 'a key of KMS', 'give its id, alias/NAME, or the ARN of one of them')
}

function refused(text: string, what: string, hint: string): ConvoyError {
  return new ConvoyError('invalid-argument', `${JSON.stringify(text.slice(0, 100))} is not ${what}`, { hint })
}
