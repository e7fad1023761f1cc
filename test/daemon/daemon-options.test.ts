import t from 'tap'
import { variableOf } from '../../src/daemon/config-environment.js'
import { allDaemonOptions } from '../../src/daemon/daemon-options.js'
import { driverKinds } from '../../src/drivers/registry.js'

t.test('every option has a help, and a default that it would accept', async (t) => {
  for (const [name, option] of Object.entries(allDaemonOptions)) {
    t.ok(option.help.length > 5, name)
    t.notMatch(option.help, /default:/, `${name}: the default is shown from the table`)
    if ('default' in option) t.strictSame(option.parse(option.defaultText ?? ''), option.default, name)
    if (option.placeholder === '') t.strictSame([option.parse(''), option.defaultText], [true, 'false'], name)
  }
})

t.test('a switch stands for an option and a value that there are', async (t) => {
  const implying = Object.values(allDaemonOptions).flatMap(({ implies }) => (implies === undefined ? [] : [implies]))
  t.equal(implying.length, 2)
  for (const { option, text } of implying) t.equal(allDaemonOptions[option]?.parse(text), text)
})

t.test('every option and every option of a driver has a variable of its own', async (t) => {
  const ofDrivers = Object.entries(driverKinds).flatMap(([driver, { options }]) =>
    Object.keys(options).map((name) => `${driver}.${name}`),
  )
  const variables = [...Object.keys(allDaemonOptions), ...ofDrivers].map(variableOf)
  t.equal(new Set(variables).size, variables.length)
  t.ok(variables.includes('CONVOY_TRASH_RETENTION'))
  t.ok(variables.includes('CONVOY_VFS_PATH'))
})

t.test('there is no secret among the options: all of them are shown', async (t) => {
  for (const name of Object.keys(allDaemonOptions)) t.notMatch(name, /pass|secret|token|key/)
})
