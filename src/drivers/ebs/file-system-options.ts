import { ConvoyError } from '../../errors.js'
import type { FsType } from '../../host/block-devices.js'

/** A value of a mount option, or that it has none. */
type Value = RegExp | undefined

const number = /^\d{1,9}$/

/** What may be said of a mount, and by which file system. Everything else decides more than how a volume is mounted. */
const mountOptions: Readonly<Record<string, { readonly only?: FsType; readonly value?: Value }>> = {
  ro: {},
  rw: {},
  sync: {},
  dirsync: {},
  noatime: {},
  relatime: {},
  strictatime: {},
  nodiratime: {},
  lazytime: {},
  noexec: {},
  exec: {},
  discard: {},
  nodiscard: {},
  commit: { only: 'ext4', value: number },
  data: { only: 'ext4', value: /^(?:ordered|journal)$/ },
  barrier: { only: 'ext4', value: /^1$/ },
  delalloc: { only: 'ext4' },
  nodelalloc: { only: 'ext4' },
  auto_da_alloc: { only: 'ext4' },
  stripe: { only: 'ext4', value: number },
  inode_readahead_blks: { only: 'ext4', value: number },
  largeio: { only: 'xfs' },
  swalloc: { only: 'xfs' },
  inode64: { only: 'xfs' },
  allocsize: { only: 'xfs', value: /^\d{1,7}[kKmMgG]?$/ },
  logbufs: { only: 'xfs', value: number },
  logbsize: { only: 'xfs', value: /^\d{1,7}[kK]?$/ },
  nouuid: { only: 'xfs' },
}

/** `noatime,commit=30`. ConvoyError `invalid-argument` for what is not in the list. */
export function parseDiskMountOptions(text: string): readonly string[] {
  const words = text.split(',').map((word) => word.trim())
  return words.filter((word) => word !== '').map(checkMountOption)
}

function checkMountOption(word: string): string {
  const [name = '', ...rest] = word.split('=')
  const known = Object.hasOwn(mountOptions, name) ? mountOptions[name] : undefined
  const value = rest.length === 0 ? undefined : rest.join('=')
  const fits = known?.value === undefined ? value === undefined : value !== undefined && known.value.test(value)
  if (known !== undefined && fits) return word
  throw new ConvoyError('invalid-argument', `mount option ${JSON.stringify(word.slice(0, 60))} is refused`, {
    hint: `those that may be given: ${Object.keys(mountOptions).join(', ')}; nosuid and nodev always hold`,
  })
}

/** Throws ConvoyError `invalid-argument` for an option of the other file system. */
export function refuseOptionsOfOthers(words: readonly string[], fsType: FsType): void {
  const wrong = words.find((word) => (mountOptions[word.split('=')[0] ?? '']?.only ?? fsType) !== fsType)
  if (wrong === undefined) return
  throw new ConvoyError('invalid-argument', `mount option ${JSON.stringify(wrong)} is not one of ${fsType}`)
}

/** Flags that say how a file system is laid out; none names a file, a device, or forces anything. */
const mkfsFlags: Readonly<Record<FsType, Readonly<Record<string, RegExp>>>> = {
  ext4: {
    '-b': /^(?:1024|2048|4096)$/,
    '-I': /^(?:128|256|512|1024)$/,
    '-i': number,
    '-m': /^\d{1,2}(?:\.\d{1,2})?$/,
    '-N': number,
    '-T': /^[a-z0-9]{1,20}$/,
    '-E': /^(?:stride|stripe[-_]width|lazy_itable_init|lazy_journal_init|packed_meta_blocks)=\d{1,9}$/,
  },
  xfs: {
    '-i': /^(?:size|maxpct|sparse)=\d{1,5}$/,
    '-m': /^(?:crc|finobt|reflink|rmapbt|bigtime|inobtcount)=[01]$/,
    '-d': /^(?:su|sw|agcount)=\d{1,6}k?$/,
    '-n': /^(?:size|ftype)=\d{1,5}$/,
  },
}

/** `-m 0 -N 100000`: words, of which each flag of a list has one value. */
export function parseMkfsOptions(text: string): readonly string[] {
  const words = text.split(/\s+/).filter((word) => word !== '')
  const isKnown = fsTypesThatTake(words).length > 0
  if (isKnown) return words
  throw new ConvoyError('invalid-argument', `mkfs options ${JSON.stringify(text.slice(0, 100))} are refused`, {
    hint:
      `for ext4 these may be given: ${Object.keys(mkfsFlags.ext4).join(' ')}, for xfs ${Object.keys(mkfsFlags.xfs).join(' ')}, ` +
      'each with a value that says how the file system is laid out',
  })
}

/** Throws ConvoyError `invalid-argument` unless mkfs of that file system takes the words. */
export function refuseMkfsOptionsOfOthers(words: readonly string[], fsType: FsType): void {
  if (fsTypesThatTake(words).includes(fsType)) return
  throw new ConvoyError('invalid-argument', `mkfs options ${JSON.stringify(words.join(' '))} are not for ${fsType}`)
}

function fsTypesThatTake(words: readonly string[]): readonly FsType[] {
  const pairs = words.flatMap((flag, index) => (index % 2 === 0 ? [[flag, words[index + 1] ?? ''] as const] : []))
  return (['ext4', 'xfs'] as const).filter((fsType) =>
    pairs.every(([flag, value]) => {
      const values = mkfsFlags[fsType]
      return Object.hasOwn(values, flag) && values[flag]?.test(value) === true
    }),
  )
}
