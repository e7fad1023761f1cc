import { workerData } from 'node:worker_threads'
import type { FinishOptions } from '../../host/posix-making.js'
import { PackOpener } from '../format/pack-reader.js'
import { answerJobs } from '../reading-threads.js'
import { RepositoryKey } from '../format/repository-key.js'
import { receivedJob, type RestoreFailure, type RestoreJob } from './restore-job.js'
import { RestoreWriter } from './restore-writer.js'

/** What a thread of a restore is given. */
export interface RestoreWorkerData {
  readonly master: Uint8Array
  readonly repositoryId: string
  readonly options: FinishOptions
}

// Given by restore-contents.ts.
const { master, repositoryId, options } = workerData as RestoreWorkerData
const writer = new RestoreWriter(new PackOpener(new RepositoryKey(master, repositoryId)), options)

answerJobs((job: RestoreJob): readonly RestoreFailure[] => writer.write(receivedJob(job)))
