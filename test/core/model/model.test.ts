import fc from 'fast-check'
import t from 'tap'
import { dayMs, minuteMs } from '../../fakes/fake-clock.js'
import { type Fault, moments } from '../../fakes/fault-injector.js'
import { kinds, World } from '../../fakes/world.js'
import { Copy, Create, Remove, Start, Stop, Undelete } from './commands.js'
import { DaemonCrash, EngineCrash, FullDisk, Reboot, Reconcile, Wait } from './events.js'
import { Model } from './model.js'

const isSoak = process.env['CONVOY_SOAK'] === '1'
const numRuns = isSoak ? 20_000 : 400

const name = fc.constantFrom('a', 'a0', 'b')
const container = fc.constantFrom('c1', 'c2', 'c3')
const fault: fc.Arbitrary<Fault> = fc.record({
  step: fc.nat(7),
  when: fc.constantFrom(...moments),
  how: fc.constantFrom('fail', 'crash'),
})
/** Most operations are left in peace. */
const maybeFault = fc
  .option(fault, { nil: undefined, freq: 2 })
  .map((one): { fault?: Fault } => (one === undefined ? {} : { fault: one }))
const onRemove = fc.constantFrom(undefined, undefined, 'trash', 'delete')
const how = fc.constantFrom('docker', 'docker', 'delete', 'forget')

const commands = [
  fc
    .tuple(fc.record({ name, kind: fc.constantFrom(...kinds), onRemove }), maybeFault)
    .map(([given, at]) => new Create({ ...given, ...at })),
  fc.tuple(fc.record({ name, container }), maybeFault).map(([given, at]) => new Start({ ...given, ...at })),
  fc.tuple(fc.record({ name, container }), maybeFault).map(([given, at]) => new Start({ ...given, ...at })),
  fc
    .tuple(fc.record({ container, isLost: fc.boolean() }), maybeFault)
    .map(([given, at]) => new Stop({ ...given, ...at })),
  fc.record({ name, container }).map((given) => new Copy(given)),
  fc.tuple(fc.record({ name, how }), maybeFault).map(([given, at]) => new Remove({ ...given, ...at })),
  fc
    .tuple(fc.record({ name, as: fc.option(name, { nil: undefined }) }), maybeFault)
    .map(([given, at]) => new Undelete({ ...given, ...at })),
  fc.boolean().map((isLiveRestore) => new EngineCrash(isLiveRestore)),
  fc.constant(new DaemonCrash()),
  fc.constant(new Reboot()),
  fc.constant(new Reconcile()),
  fc.constantFrom(minuteMs / 2, minuteMs, dayMs).map((ms) => new Wait(ms)),
  fc.constant(new FullDisk()),
]

t.test(
  'whatever Docker, people, crashes and full disks do in whichever order, the core does what the model says',
  async (t) => {
    const property = fc.asyncProperty(fc.commands(commands, { maxCommands: 60, size: 'max' }), async (sequence) => {
      const setup = async () => ({ model: new Model(), real: await World.start() })
      await fc.asyncModelRun(setup, sequence)
    })
    await t.resolves(fc.assert(property, { numRuns }))
  },
)
