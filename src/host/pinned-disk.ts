import { ConvoyError, isConvoyError } from '../errors.js'
import type { CallContext } from '../model/call-context.js'
import type { BlockDevice } from './block-devices.js'
import { lastLine, type ProgramResult, type runProgram } from './exec.js'
import { untilWeEnd } from './parent-death.js'
import { plainSerial } from './sysfs-disks.js'

/**
 * What a program on a disk calls it. The kernel gives the disk's number to no other while this is open, so that it is the one
 * that was verified however long the program runs.
 */
export const pinnedPath = '/proc/self/fd/3'

/** How much is read at either end before a disk counts as blank. */
export const endBytes = 16 * 1024 * 1024

export interface DiskProgram {
  readonly words: readonly string[]
  readonly timeoutMs: number
  /** Run nothing unless both ends of the disk read as zeros at that moment. */
  readonly needsBlank?: true
  readonly env?: Readonly<Record<string, string>>
}

export interface PinnedDiskDeps {
  readonly run: typeof runProgram
  /** `/sys` */
  readonly sysfs: string
}

/** None of the exit codes of blkid, e2fsck or mkfs, nor those of a signal. */
const refusals = { unopened: 200, other: 201, notBlank: 202 } as const

/** `zeros` succeeds only if every byte was read and is zero: cmp(1) complains about an early end as about a difference. */
const script = `
disk=$1 number=$2 size=$3 serial=$4 sysfs=$5/dev/block/$2 blank=$6; shift 6
refuse() { echo "$2" >&2; exit "$1"; }
zeros() {
  dd if=${pinnedPath} iflag=direct,skip_bytes,count_bytes,fullblock bs=1M skip="$1" count="$2" status=none |
    cmp -n "$2" - /dev/zero
}
both_ends() {
  length=${endBytes}; [ "$size" -ge "$length" ] || length=$size
  zeros 0 "$length" && zeros "$((size - length))" "$length"
}
command exec 3<"$disk" || exit ${refusals.unopened}
found=$(stat -L -c '%t %T' ${pinnedPath}) || exit ${refusals.unopened}
found=$(printf '%d:%d' "0x\${found% *}" "0x\${found#* }")
[ "$found" = "$number" ] || refuse ${refusals.other} "its number is $found, not $number"
sectors=gone
[ ! -r "$sysfs/size" ] || read -r sectors <"$sysfs/size"
[ "$sectors" = "$((size / 512))" ] || refuse ${refusals.other} "its sectors are $sectors, not $((size / 512))"
if [ -n "$serial" ]; then
  shown=
  for file in "$sysfs/device/serial" "$sysfs/serial"; do
    [ -n "$shown" ] || [ ! -r "$file" ] || read -r shown <"$file"
  done
  case $shown in vol-*) shown=vol\${shown#vol-} ;; esac
  [ "$shown" = "$serial" ] || refuse ${refusals.other} "its serial number is '$shown', not $serial"
fi
[ -z "$blank" ] || both_ends >&2 || exit ${refusals.notBlank}
case $1 in both_ends) both_ends ;; *) exec "$@" ;; esac
`

/** The word for {@link DiskProgram} that compares both ends of the disk with zeros. */
export const bothEnds = 'both_ends'

/** A disk that is opened and verified anew by the child that works on it, before the work and for as long as it lasts. */
export class PinnedDisk {
  readonly #deps: PinnedDiskDeps
  readonly #device: BlockDevice
  readonly #serial: string

  /** A serial is compared if there is one; see {@link BlockDevices.verify} for which disks may be without. */
  constructor(deps: PinnedDiskDeps, device: BlockDevice, serial: string | undefined) {
    this.#deps = deps
    this.#device = device
    this.#serial = plainSerial(serial ?? '')
  }

  get path(): string {
    return this.#device.path
  }

  /** A non-zero exit of the program is a result; `internal` when this is not the disk, or not blank as needed. */
  async run(program: DiskProgram, call: Pick<CallContext, 'signal'> | undefined): Promise<ProgramResult> {
    const { path, number, sizeBytes } = this.#device
    const blank = program.needsBlank === true ? 'blank' : ''
    const about = [path, number, String(sizeBytes), this.#serial, this.#deps.sysfs, blank]
    const [first = 'sh', ...args] = [...untilWeEnd(), 'sh', '-c', script, 'disk', ...about, ...program.words]
    const { timeoutMs, env = {} } = program
    const options = { timeoutMs, env, ...(call === undefined ? {} : { signal: call.signal }) }
    try {
      return this.#accept(await this.#deps.run(first, args, options))
    } catch (cause) {
      if (!isConvoyError(cause, 'deadline-exceeded')) throw cause
      const what = program.words[0] ?? 'nothing'
      throw new ConvoyError('deadline-exceeded', `the disk ${path} did not answer ${what} in time`, { cause })
    }
  }

  #accept(result: ProgramResult): ProgramResult {
    const { path } = this.#device
    const reason = this.complaint(result)
    const cause = result
    if (result.exitCode === refusals.unopened) {
      throw new ConvoyError('unavailable', `the disk ${path} cannot be opened: ${reason}`, { cause })
    }
    if (result.exitCode === refusals.other) {
      throw new ConvoyError('internal', `${path} is not the disk that it was: ${reason}`, { cause })
    }
    if (result.exitCode === refusals.notBlank) {
      throw new ConvoyError(
        'internal',
        `the disk ${path} does not read as blank any more, nothing was changed: ${reason}`,
        {
          cause,
        },
      )
    }
    return result
  }

  /** The last thing a program said of the disk, by the disk's own name. */
  complaint({ stderr, stdout, exitCode }: ProgramResult): string {
    const line = lastLine(stderr) ?? lastLine(stdout) ?? `exit code ${exitCode}`
    return line
      .replaceAll(pinnedPath, this.#device.path)
      .replaceAll(/[^\x20-\x7e]/g, '?')
      .slice(0, 300)
  }
}
