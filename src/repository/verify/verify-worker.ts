import { workerData } from 'node:worker_threads'
import { checkPack, type PackCheck, type PackCheckJob } from './pack-check.js'
import { PackOpener } from '../format/pack-reader.js'
import { answerJobs } from '../reading-threads.js'
import { RepositoryKey } from '../format/repository-key.js'

/** What a thread of a verification is given. */
export interface VerifyWorkerData {
  readonly master: Uint8Array
  readonly repositoryId: string
}

// Given by verify-packs.ts.
const { master, repositoryId } = workerData as VerifyWorkerData
const key = new RepositoryKey(master, repositoryId)
const opener = new PackOpener(key)

answerJobs((job: PackCheckJob): PackCheck => checkPack(job, { key, opener }))
