import { readFileSync } from 'node:fs'
import { findProgram } from './exec.js'

let known: readonly string[] | undefined

/**
 * What to put before a command so that the kernel kills it when this process goes, also while it hangs in a call. Nothing where
 * setpriv is older than util-linux 2.33, or missing.
 */
export function untilWeEnd(): readonly string[] {
  known ??= find()
  return known
}

function find(): readonly string[] {
  try {
    const path = findProgram('setpriv')
    // Its help would cost a process of its own.
    return readFileSync(path).includes('pdeathsig') ? [path, '--pdeathsig', 'KILL'] : []
  } catch {
    return []
  }
}
