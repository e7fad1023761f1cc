import assert from 'node:assert/strict'
import { Command } from 'commander'
import fc from 'fast-check'
import t from 'tap'
import { collectValues, normaliseArguments } from '../../src/cli/arguments.js'

function sample(): Command {
  const program = new Command('convoy').option('-s, --socket <PATH>').option('-d, --debug').option('--verbose')
  program.version('1', '-v, --version').enablePositionalOptions()
  program
    .command('create [name]')
    .option('--size <SIZE>')
    .option('--vm')
    .option('--name <NAME>')
    .option('-o, --opt <KV>', '', collectValues)
  program.command('delete <vol...>').option('-r, --reference')
  program.command('jobs').command('show <id>').option('--long')
  return program
}

const normalise = (...argv: readonly string[]) => [...normaliseArguments(sample(), argv).args]

t.test('a known long flag may have one dash', async (t) => {
  t.same(normalise('create', 'db', '-size', '10G'), ['create', 'db', '--size', '10G'])
  t.same(normalise('create', '-size=10G', 'db'), ['create', '--size=10G', 'db'])
  t.same(normalise('create', '-vm', 'db'), ['create', '--vm', 'db'])
  t.same(normalise('delete', 'db', '-reference'), ['delete', 'db', '--reference'])
  t.same(normalise('jobs', 'show', '1', '-long'), ['jobs', 'show', '1', '--long'])
  t.same(normalise('create', '-size=a\nb'), ['create', '--size=a\nb'], 'a value may hold a line break')
})

t.test('-help is help everywhere', async (t) => {
  t.same(normalise('-help'), ['--help'])
  t.same(normalise('create', '-help'), ['create', '--help'])
})

t.test('global flags may stand anywhere and go first', async (t) => {
  t.same(normalise('delete', 'db', '-socket', '/s', '-debug'), ['--socket', '/s', '--debug', 'delete', 'db'])
  t.same(normalise('create', '--verbose', 'db', '-s', '/s'), ['--verbose', '-s', '/s', 'create', 'db'])
  t.same(normalise('create', 'db', '--socket=/s'), ['--socket=/s', 'create', 'db'])
  t.same(normalise('jobs', 'show', '1', '-d'), ['-d', 'jobs', 'show', '1'])
})

t.test('the value of a flag is left alone, whatever it looks like', async (t) => {
  t.same(normalise('create', '--name', '-size'), ['create', '--name', '-size'])
  t.same(normalise('create', '-name', '--debug', 'x'), ['create', '--name', '--debug', 'x'])
  t.same(normalise('create', '-o', '-d'), ['create', '-o', '-d'])
  t.same(normalise('create', '--opt', '--'), ['create', '--opt', '--'])
  t.same(normalise('-s', 'create', 'create', '-size', '1'), ['-s', 'create', 'create', '--size', '1'])
  t.same(normalise('create', '--name=-size', '-vm'), ['create', '--name=-size', '--vm'])
})

t.test('nothing behind -- is touched', async (t) => {
  t.same(normalise('delete', '--', '-reference', '-d'), ['delete', '--', '-reference', '-d'])
  t.same(normalise('-d', 'delete', '--', '-s'), ['-d', 'delete', '--', '-s'])
})

t.test('an unknown word with one dash stays an unknown flag instead of becoming -v, -d or -r', async (t) => {
  t.same(normalise('delete', '-verify', 'db'), ['delete', '--verify', 'db'])
  t.same(normalise('delete', '-rd', 'db'), ['delete', '--rd', 'db'])
  t.same(normalise('-dv'), ['--dv'])
})

t.test('a short flag may have its value attached', async (t) => {
  t.same(normalise('create', '-osize=10G'), ['create', '-osize=10G'])
  t.same(normalise('create', '-s/run/x.sock'), ['create', '-s/run/x.sock'])
})

t.test('a switch may say true or false, as Go programs allow', async (t) => {
  t.same(normalise('create', '--vm=true'), ['create', '--vm'])
  t.same(normalise('create', '-vm=1'), ['create', '--vm'])
  t.same(normalise('create', '--vm=false', 'db'), ['create', 'db'])
  t.same(normalise('create', '-debug=0', 'db'), ['create', 'db'])
  t.same(normalise('create', '--vm=maybe'), ['create', '--vm=maybe'], 'anything else is for commander to refuse')
})

t.test('the command is known for the hint of an error', async (t) => {
  const named = (...argv: readonly string[]) => normaliseArguments(sample(), argv).command.name()
  t.equal(named('jobs', '-d', 'show', '1'), 'show')
  t.equal(named('-s', 'create', 'delete', 'x'), 'delete')
  t.equal(named('nonsense'), 'convoy')
  t.equal(named('delete', 'create'), 'delete', 'a volume may be named like a command')
})

t.test('empty words and single dashes are arguments', async (t) => {
  t.same(normalise('create', ''), ['create', ''])
  t.same(normalise('create', '-'), ['create', '-'])
})

t.test('no argument is lost or invented, whatever is typed', async (t) => {
  const known = ['create', 'delete', 'jobs', '--', '-size', '--size', '-o', '-s', '-d', '-vm', '-name=x', '-x', '']
  const bare = (words: readonly string[]) => words.map((text) => text.replace(/^-+/, '')).sort()
  const hasSwitchValue = (text: string) => /^--?(?:vm|debug|verbose|version)=/.test(text)
  const word = fc.oneof(fc.constantFrom(...known), fc.string()).filter((text) => !hasSwitchValue(text))
  const property = fc.property(fc.array(word, { maxLength: 8 }), (argv) => {
    assert.deepEqual(bare(normaliseArguments(sample(), argv).args), bare(argv))
  })
  t.doesNotThrow(() => fc.assert(property, { numRuns: 2000 }))
})
