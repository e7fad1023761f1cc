import t from 'tap'
import { DriverRegistry, driverKinds } from '../../src/drivers/registry.js'
import { World } from '../fakes/world.js'

const { drivers } = await World.start()

t.test('the first driver is the default, and each is found by its name', async (t) => {
  t.equal(drivers.default.name, 'directory')
  t.equal(drivers.get('filesystem').name, 'filesystem')
  t.same(
    drivers.all.map(({ name }) => name),
    ['directory', 'filesystem'],
  )
})

t.test('a driver that does not run here is refused, with those that do', async (t) => {
  for (const name of ['ebs', '', '__proto__', 'constructor'])
    t.throws(() => drivers.get(name), { code: 'invalid-argument', hint: /running: directory, filesystem;/ })
})

t.test('a registry without drivers has no default', async (t) => {
  t.throws(() => new DriverRegistry([]).default, { code: 'internal' })
})

t.test('every kind of driver explains its options', async (t) => {
  for (const [name, { options }] of Object.entries(driverKinds))
    for (const [option, { help, placeholder }] of Object.entries(options)) {
      t.match(help, /\w{3}/, `${name}.${option}`)
      t.type(placeholder, 'string')
    }
})
