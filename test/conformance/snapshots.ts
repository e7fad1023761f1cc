import type { WithSubject } from './driver.js'

/** Snapshots that the storage makes by itself, where it can. */
export function snapshotConformance(withSubject: WithSubject): void {
  withSubject(
    'snapshots of the storage itself show what was there, and are gone when they are removed',
    async (t, subject) => {
      const volume = await subject.make('db', 'before')
      const call = subject.call(volume)
      const snapshots = subject.driver.snapshots(volume)
      if (snapshots === undefined) {
        t.pass('this storage makes none: core takes them')
        return
      }
      await snapshots.create('s1', call)
      await subject.write(volume, 'after')
      await snapshots.create('s1', call)
      const target = await subject.make('copy')
      await snapshots.clone('s1', target, call)
      t.equal(await subject.read(target), 'before', 'the repeated create took no second one')
      t.equal(await subject.read(volume), 'after')
      const opened = await snapshots.openReadOnly('s1', call)
      t.match(opened.path, /^\//)
      await opened.close()
      await snapshots.remove('s1', call)
      await snapshots.remove('s1', call)
      await t.rejects(snapshots.openReadOnly('s1', call), { code: 'not-found' })
      await t.rejects(snapshots.clone('s1', target, call), { code: 'not-found' })
    },
  )

  withSubject('whether the storage makes snapshots is known without asking it', async (t, subject) => {
    const volume = await subject.make('db')
    subject.faults.hang()
    t.doesNotThrow(() => subject.driver.snapshots(volume))
  })
}
