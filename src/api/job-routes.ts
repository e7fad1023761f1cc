import { Type } from 'typebox'
import type { Job } from '../model/job.js'
import { optional } from '../model/optional.js'
import type { ApiDeps } from './api-deps.js'
import type { ControlScope } from './control-scope.js'
import { idParameter, jobDocument } from './schemas.js'

export function registerJobRoutes(app: ControlScope, { core }: ApiDeps): void {
  const report = async (job: Job) => ({ ...job, ...optional('progress', await core.jobs.progress(job)) })
  const one = { params: idParameter, response: { 200: jobDocument } }
  const all = { response: { 200: Type.Array(jobDocument, { description: 'newest first' }) } }
  app.get('/v1/jobs', { schema: all }, () => Promise.all(core.jobs.list().map(report)))
  app.get('/v1/jobs/:id', { schema: one }, ({ params }) => report(core.jobs.get(params.id)))
  app.post('/v1/jobs/:id/cancel', { schema: one }, async ({ params }) => report(await core.jobs.cancel(params.id)))
}
