import { endpointOf, parseRegion } from '../../model/aws.js'
import { type Option, type OptionTable, parseAbsolutePath, parseBoolean, withDefault } from '../../model/options.js'
import { ownershipOptions } from '../../model/ownership-options.js'
import { parseSizeBytes } from '../../model/size.js'
import { parseVolumeName } from '../../model/volume-name.js'
import { checkMountOptions } from './nfs-options.js'
import { parseAccessPoint, parseFileSystemId } from './efs-file-system.js'
import { parseShareSource } from './nfs-share.js'
import { oldShareOptions } from './old-share-options.js'

/** `--driver-opts vfs.…` */
export const vfsDriverOptions = {
  path: {
    parse: parseAbsolutePath,
    defaultText: 'ROOT/volumes',
    placeholder: 'PATH',
    help: 'directory that holds the volumes, one directory each',
  },
  share: {
    parse: parseShareSource,
    placeholder: 'SERVER:/EXPORT',
    help: 'NFS share that holds the volumes, in place of a directory; mounted when it is needed',
  },
  efs: {
    parse: parseFileSystemId,
    placeholder: 'FILE-SYSTEM',
    help: 'EFS file system that holds the volumes, for example fs-0123456789abcdef0, in place of a directory or share',
  },
  efsregion: {
    parse: parseRegion,
    placeholder: 'REGION',
    help: 'region of EFS, for example eu-west-1; without it that of AWS_REGION, or of this instance',
  },
  efsendpoint: {
    parse: endpointOf('elasticfilesystem'),
    placeholder: 'URL',
    help: 'address of the EFS API, where it is not the public one',
  },
  mountoptions: {
    parse: checkMountOptions,
    placeholder: 'OPTIONS',
    help: 'how the share is mounted, for example nfsvers=4.1,timeo=600; hard, and the newest version that the server takes',
  },
  defaultvolumesize: withDefault('100G', {
    parse: parseSizeBytes,
    placeholder: 'SIZE',
    help: 'size of a disk image (vm) that is created without one',
  }),
} satisfies OptionTable

/** `-o …` of a vfs volume. */
export const vfsVolumeOptions = {
  size: {
    parse: parseSizeBytes,
    placeholder: 'SIZE',
    help: 'limit, for example 10G; enforced where the file system has project quotas, otherwise exceeding it is an event',
  },
  ...ownershipOptions,
  id: {
    parse: parseVolumeName,
    placeholder: 'DIRECTORY',
    help: 'take over this existing directory of vfs.path, with what it holds, in place of a new one',
  },
  share: {
    parse: parseShareSource,
    placeholder: 'SERVER:/EXPORT',
    help: 'NFS share for this volume, in place of that of the daemon',
  },
  efs: {
    parse: parseFileSystemId,
    placeholder: 'FILE-SYSTEM',
    help: 'EFS file system for this volume, for example fs-0123456789abcdef0',
  },
  accesspoint: {
    parse: parseAccessPoint,
    placeholder: 'ID',
    help: 'access point of EFS that the volume lies on: fsap-…, or auto for one that is made, and deleted with the volume',
  },
  mountoptions: {
    parse: checkMountOptions,
    placeholder: 'OPTIONS',
    help: 'how that share is mounted, for example nfsvers=4.1',
  },
  ...oldShareOptions,
  vm: { parse: parseBoolean, default: false, placeholder: 'BOOL', help: 'put a sparse disk.img of the size into it' },
} satisfies Readonly<Record<string, Option<unknown>>>
