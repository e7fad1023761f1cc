import t from 'tap'
import { isFinished, type JobState } from '../../src/model/job.js'

const finished: Readonly<Record<JobState, boolean>> = {
  queued: false,
  running: false,
  succeeded: true,
  failed: true,
  cancelled: true,
}

for (const [state, isOver] of Object.entries(finished))
  t.test(`a job that is ${state} ${isOver ? 'does nothing any more' : 'is still to be waited for'}`, async (t) => {
    // A key of the record above.
    t.equal(isFinished({ state: state as JobState }), isOver)
  })
