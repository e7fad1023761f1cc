import { codeOf } from '../../errors.js'
import { type FinishOptions, finishFile, setXattr } from '../../host/posix-making.js'
import type { Xattr } from '../format/entry-body.js'

/** What a file should have become, and could not: `damaged` when the repository is why, else the call that the system refused. */
export interface Refusal {
  readonly call: string
  /** `ENOSPC` and the like, or what is wrong with what is stored. */
  readonly reason: string
}

/** Gives an open file or directory what it had besides its content, as far as the system allows. What it refuses is returned. */
export function finishOpen(
  fd: number,
  stat: Buffer,
  xattrs: readonly Xattr[],
  options: FinishOptions,
): readonly Refusal[] {
  const finish = () => refusalsOf(() => finishFile(fd, stat, options))
  const set = () => setXattrs(xattrs, (name, value) => setXattr(fd, name, value))
  // A change of owner takes capabilities away, so they come later. Who is not root may set nothing on what is read-only.
  return options.withOwner ? [...finish(), ...set()] : [...set(), ...finish()]
}

export function setXattrs(xattrs: readonly Xattr[], set: (name: Buffer, value: Buffer) => void): readonly Refusal[] {
  return xattrs.flatMap(({ name, value }) =>
    refusalsOf(() => set(name, value)).map(({ reason }) => ({ call: `setxattr ${name.toString('latin1')}`, reason })),
  )
}

/** Of a call of the system. */
export function refusalsOf(act: () => void): readonly Refusal[] {
  try {
    act()
    return []
  } catch (thrown) {
    return [refusalOf(thrown)]
  }
}

export function refusalOf(thrown: unknown): Refusal {
  const call = thrown instanceof Error && 'syscall' in thrown ? String(thrown.syscall) : ''
  if (call === '') throw thrown
  return { call, reason: codeOf(thrown) }
}
