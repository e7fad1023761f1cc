import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { describedDrivers, describedOptions } from '../../docs/described-options.js'
import { texts } from '../../docs/texts.js'
import { parseDaemonConfig } from '../../src/daemon/config.js'
import { readConfigFile } from '../../src/daemon/config-file.js'
import { driverKinds } from '../../src/drivers/registry.js'

// Tests run from build/test/docs.
const pathOf = (path: string) => fileURLToPath(new URL(`../../../${path}`, import.meta.url))
const read = (path: string) => readFileSync(pathOf(path), 'utf8')

for (const [path, make] of Object.entries(texts))
  t.test(`${path} says what the tables of options say; if not: npm run docs`, async (t) => {
    t.equal(make(read(path)), read(path))
  })

const every = [...describedOptions, ...describedDrivers.flatMap(({ options }) => options)]

t.test('every option is in the README and in the manual page', async (t) => {
  t.ok(every.length > 15)
  for (const { flag } of every) {
    t.ok(read('README.md').includes(`| \`${flag.replaceAll('|', '\\|')}\` |`), flag)
    t.ok(read('man/convoy.8').includes(`\n.B ${flag.replaceAll('-', '\\-')}\n`), flag)
  }
})

t.test('a README without its marks is not written over', async (t) => {
  const make = texts['README.md']
  t.throws(() => make?.('# Convoy\n'), /README has no/)
})

t.test('the sample file says nothing; without its # it is a configuration of the defaults', async (t) => {
  const sample = read('systemd/convoy.yaml.sample')
  t.match(sample, /^(?:#.*\n|\n)*$/, 'comments only')
  const directory = t.testdir({ 'sample.yaml': sample.replace(/^# /gm, ''), 'as-it-is.yaml': sample })
  const load = async (name: string | undefined) =>
    parseDaemonConfig({
      args: { options: {}, drivers: [], driverOptions: [] },
      environment: {},
      file: name === undefined ? undefined : await readConfigFile(join(directory, name)),
    })
  const [byDefault, silent, spoken] = await Promise.all([load(undefined), load('as-it-is.yaml'), load('sample.yaml')])
  t.strictSame(silent, { ...byDefault, file: silent.file })
  const { drivers, profiles, notify, settings } = spoken
  t.strictSame(spoken, {
    ...byDefault,
    file: spoken.file,
    logFile: '/var/log/convoy.log',
    cluster: 'production',
    drivers,
    profiles,
    notify,
    settings,
  })
  t.strictSame([...profiles.keys()], ['gold'])
  t.strictSame(
    notify.map(({ name }) => name),
    ['pager', 'audit'],
  )
  t.strictSame([...drivers.keys()], Object.keys(driverKinds), 'all of them, the default one first')
  t.strictSame([...drivers.keys()].slice(0, 1), [...byDefault.drivers.keys()])
  const given = settings
    .map(({ name, source }) => (source === 'default' || name.startsWith('notify.') ? [] : name))
    .flat()
  const inFile = every.filter(({ isInFile }) => isInFile)
  t.equal(given.length, inFile.length, 'every option of the file is in the sample')
})

const skip = spawnSync('groff', ['--version']).error === undefined ? false : 'needs groff'

t.test('the manual page is roff without a warning', { skip }, async (t) => {
  const { stdout, stderr } = spawnSync('groff', ['-man', '-Tascii', '-ww', pathOf('man/convoy.8')], {
    encoding: 'utf8',
  })
  t.equal(stderr, '')
  // Bold is a letter struck twice.
  t.match(stdout.replace(/.\u0008/g, ''), /OPTIONS OF THE DAEMON/)
})
