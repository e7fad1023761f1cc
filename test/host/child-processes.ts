import { readFileSync } from 'node:fs'

export const childrenOf = (pid: number): readonly number[] =>
  readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number)

/** Our children, by pid. */
export const children = (): readonly number[] => childrenOf(process.pid)

/** Those that work on files for us. */
export const fileProcesses = (): readonly number[] =>
  children().filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('file-process-main'))
