import { readFileSync } from 'node:fs'

/** Our children, by pid. */
export const children = (): readonly number[] =>
  readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean)
    .map(Number)

/** Those that work on files for us. */
export const fileProcesses = (): readonly number[] =>
  children().filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('file-process-main'))
