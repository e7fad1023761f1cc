import * as fs from 'node:fs'
import fc from 'fast-check'
import { isErrno } from '../../src/errors.js'
import { closeFd, openDirectoryAt, openRoot } from '../../src/host/posix.js'
import {
  createFileAt,
  linkAt,
  makeDirectoryAt,
  makeNodeAt,
  setModeAt,
  setTimesAt,
  setXattr,
  symlinkAt,
} from '../../src/host/posix-making.js'
import { setSize, writeAt } from '../../src/host/positioned-io.js'

/** What a random tree is made of: all that one can make without being root. */
export type RandomEntry =
  RandomFile | { readonly kind: 'symlink'; readonly target: string } | RandomPlain | RandomDirectory

interface RandomFile {
  readonly kind: 'file'
  /** Lengths of data, each after a hole of the other length. */
  readonly parts: readonly { readonly hole: number; readonly data: number; readonly seed: number }[]
  readonly mode: number
  readonly xattr: boolean
}

interface RandomPlain {
  readonly kind: 'fifo' | 'socket' | 'link'
}

interface RandomDirectory {
  readonly kind: 'directory'
  readonly mode: number
  readonly entries: readonly (readonly [name: Buffer, entry: RandomEntry])[]
}

const seconds = fc.integer({ min: -2_000_000_000, max: 4_000_000_000 })
const nanoseconds = fc.integer({ min: 0, max: 999_999_999 })
export const randomTime = fc.tuple(seconds, nanoseconds)

const awkward = ['a', 'A', ' ', '\n', '-', '...', 'ä', '\u{1f4be}', 'x'.repeat(255), '\\', '*', '.hidden'].map((text) =>
  Buffer.from(text),
)
const names = fc.oneof(
  fc.constantFrom(...awkward),
  fc
    .uint8Array({ minLength: 1, maxLength: 12 })
    .map((bytes) => Buffer.from(bytes).map((byte) => (byte === 0 || byte === 0x2f ? 0xff : byte)))
    .map((bytes) => Buffer.from(bytes))
    .filter((name) => !['.', '..'].includes(name.toString('latin1'))),
)

const size = fc.oneof(fc.integer({ min: 0, max: 5000 }), fc.constantFrom(0, 1, 4096, 65_536, 65_537, 300_000))
const parts = fc.array(
  fc.record({ hole: fc.constantFrom(0, 0, 0, 65_536, 1_200_000), data: size, seed: fc.nat(255) }),
  { maxLength: 3 },
)

const file = fc.record<RandomFile>({
  kind: fc.constant('file'),
  parts,
  mode: fc.constantFrom(0o644, 0o600, 0o400, 0o755, 0o1644),
  xattr: fc.boolean(),
})

const { entry } = fc.letrec<{ entry: RandomEntry; directory: RandomDirectory }>((tie) => ({
  entry: fc.oneof(
    { weight: 6, arbitrary: file },
    { weight: 2, arbitrary: tie('directory') },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('symlink' as const),
        target: fc.constantFrom('a', '/etc/passwd', '..', '../../x'),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('fifo' as const, 'socket' as const, 'link' as const) }) },
  ),
  directory: fc.record<RandomDirectory>({
    kind: fc.constant('directory'),
    mode: fc.constantFrom(0o755, 0o700, 0o555, 0o1777),
    entries: fc.uniqueArray(fc.tuple(names, tie('entry')), {
      maxLength: 6,
      selector: ([name]) => name.toString('latin1'),
    }),
  }),
}))

export const randomTree = fc.uniqueArray(fc.tuple(names, entry), {
  maxLength: 8,
  selector: ([name]) => name.toString('latin1'),
})

/** Makes the tree below an empty directory. Times are given to everything, directories last. */
export function makeTree(
  root: string,
  entries: RandomDirectory['entries'],
  times: readonly (readonly [number, number])[],
): void {
  const files: { readonly fd: number; readonly name: Buffer }[] = []
  const open: number[] = []
  let next = 0
  const time = () => times[next++ % Math.max(times.length, 1)] ?? [0, 0]
  const stamp = (fd: number, name: Buffer) => {
    const [seconds, nanoseconds] = time()
    setTimesAt(fd, name, BigInt(seconds), nanoseconds)
  }
  const fill = (fd: number, list: RandomDirectory['entries']): void => {
    for (const [name, it] of list) {
      if (it.kind === 'directory') {
        makeDirectoryAt(fd, name, 0o700)
        const child = openDirectoryAt(fd, name)
        open.push(child)
        fill(child, it.entries)
        setModeAt(fd, name, it.mode)
      } else if (it.kind === 'file') {
        makeFile(fd, name, it)
        files.push({ fd, name })
      } else if (it.kind === 'symlink') symlinkAt(Buffer.from(it.target), fd, name)
      else if (it.kind === 'link') link(fd, name, files)
      else makeNodeAt(fd, name, it.kind === 'fifo' ? 0o010644 : 0o140755, { major: 0, minor: 0 })
    }
    for (const [name] of list) stampIfThere(() => stamp(fd, name))
  }
  const fd = openRoot(root)
  fill(fd, entries)
  for (const child of open) closeFd(child)
  closeFd(fd)
}

function makeFile(fd: number, name: Buffer, { parts, mode, xattr }: RandomFile): void {
  const file = createFileAt(fd, name)
  let at = 0
  for (const { hole, data, seed } of parts) {
    at += hole
    const bytes = Buffer.alloc(data)
    for (let index = 0; index < data; index += 1) bytes[index] = (index * seed + (index >>> 8)) & 0xff
    writeAt(file, bytes, at)
    at += data
  }
  setSize(file, at)
  if (xattr && hasXattrs(file)) setXattr(file, Buffer.from('user.empty'), Buffer.alloc(0))
  fs.fchmodSync(file, mode)
  closeFd(file)
}

/** File systems in memory know them since Linux 6.6. */
function hasXattrs(fd: number): boolean {
  try {
    setXattr(fd, Buffer.from('user.colour'), Buffer.from('blue'))
    return true
  } catch (thrown) {
    if (isErrno(thrown, 'ENOTSUP', 'EOPNOTSUPP')) return false
    throw thrown
  }
}

/** To one of the files that there are; a file with two names is not made when there is none yet. */
function link(fd: number, name: Buffer, files: readonly { readonly fd: number; readonly name: Buffer }[]): void {
  const first = files[files.length >>> 1]
  if (first !== undefined) linkAt(first.fd, first.name, fd, name)
}

function stampIfThere(act: () => void): void {
  try {
    act()
  } catch (thrown) {
    if (!isErrno(thrown, 'ENOENT')) throw thrown
  }
}
