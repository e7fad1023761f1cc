import { readFileSync } from 'node:fs'
import { release } from 'node:os'

/** The kernel's version. */
export const kernelVersion = release

/** This process's mounts, as the kernel writes them. */
export const readMountInfo = () => readFileSync('/proc/self/mountinfo', 'utf8')

export const thisMoment = () => new Date()
