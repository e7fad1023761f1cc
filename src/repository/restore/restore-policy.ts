import type { FinishOptions } from '../../host/posix-making.js'

const allBits = 0o7777
const withoutSetuid = 0o1777

/**
 * What is restored of owners and modes: root restores everything. Who is not keeps what is restored to himself; a program that ran
 * as its owner must not run as somebody else, so setuid and setgid go.
 */
export function restorePolicy(isRoot: boolean, setuid: 'keep' | 'drop'): FinishOptions {
  return { withOwner: isRoot, modeMask: isRoot && setuid === 'keep' ? allBits : withoutSetuid }
}
