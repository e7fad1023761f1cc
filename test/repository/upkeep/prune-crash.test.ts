import t from 'tap'
import { isConvoyError } from '../../../src/errors.js'
import { deleteBackup } from '../../../src/repository/upkeep/delete-backup.js'
import { MemoryBucket } from '../../fakes/memory-object-store.js'
import { assertTidy, pass, readEverything, TinyHost } from '../tiny-world.js'

const hourMs = 60 * 60_000
const names = ['backup-1', 'backup-2', 'backup-3'] as const
const faults = [
  { when: 'before', how: 'fail' },
  { when: 'before', how: 'crash' },
  { when: 'after', how: 'crash' },
] as const

t.test('a prune that breaks off at any step leaves every backup whole, and the next one finishes', async (t) => {
  const prepared = new MemoryBucket()
  const host = await TinyHost.start(prepared)
  for (const [at, name] of names.entries()) {
    const contents = ['a', `${at}`, 'b', `x${at}`].map((word) => word.repeat(40))
    await host.backUp({ volume: 'db1', name, contents })
  }
  await deleteBackup(host.repository, { volume: 'db1', name: names[0] }, host.call)
  const rehearsal = await TinyHost.start(prepared.clone())
  rehearsal.store.injector.arm()
  await rehearsal.prune()
  const { steps } = rehearsal.store.injector
  for (const prefix of [
    'put data/',
    'put index/',
    'put condemned/',
    'remove data/',
    'remove condemned/',
    'remove index/',
  ])
    t.ok(
      steps.some((step) => step.startsWith(prefix)),
      prefix,
    )
  for (const [step, name] of steps.entries())
    for (const fault of faults) {
      const bucket = prepared.clone()
      const pruner = await TinyHost.start(bucket)
      const { injector } = pruner.store
      injector.arm({ step, ...fault })
      const ended = pruner.prune().catch((thrown: unknown) => {
        if (!isConvoyError(thrown, 'unavailable')) throw thrown
      })
      await Promise.race([ended, injector.death])
      const what = `${fault.how} ${fault.when} ${name}`
      if ((await readEverything(bucket)).length !== 2) t.fail(what)
      await pass(bucket, hourMs)
      await (await TinyHost.start(bucket)).prune()
      if ((await readEverything(bucket)).length !== 2) t.fail(`${what}, and a prune`)
      await assertTidy(bucket)
    }
})
