import { spawnSync } from 'node:child_process'
import { accessSync, constants, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/**
 * A directory for thousands of entries, in memory where the machine allows it. Outside of tap's own, whose cleaner follows
 * neither deep paths nor odd names; removed after the test.
 */
export function memoryDirectory(t: Test): string {
  const path = mkdtempSync(join(isWritable('/dev/shm') ? '/dev/shm' : tmpdir(), 'convoy-test-'))
  t.teardown(() => spawnSync('/bin/rm', ['-rf', '--', path]))
  return path
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}
