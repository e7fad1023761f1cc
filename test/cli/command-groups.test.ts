import { Command } from 'commander'
import t from 'tap'
import { commandGroups, findFirstWord, groupsFor } from '../../src/cli/command-groups.js'
import { Session } from '../../src/cli/session.js'
import { runInProcess, silentEnvironment } from '../fakes/command-line.js'

t.test('each group adds the commands that it is asked for by, and no others', async (t) => {
  for (const { commands, load } of commandGroups) {
    const program = new Command('convoy')
    const add = await load()
    add(program, new Session(silentEnvironment))
    t.same(
      program.commands.map((command) => command.name()),
      commands,
    )
  }
})

t.test('a known word loads its group only; help, completion and what is unknown load all', async (t) => {
  t.same(groupsFor('list'), groupsFor('inspect'))
  t.equal(groupsFor('list').length, 1)
  for (const word of [undefined, 'help', 'completion', 'nonsense']) t.same(groupsFor(word), commandGroups)
})

t.test('the first word is what is neither a flag nor the value of a global one', async (t) => {
  t.equal(findFirstWord(['-s', 'list', 'create']), 'create')
  t.equal(findFirstWord(['--socket', 'list', '-d', 'create', 'ls']), 'create')
  t.equal(findFirstWord(['-socket', '/x', 'create']), 'create')
  t.equal(findFirstWord(['--socket=/x', 'create']), 'create')
  t.equal(findFirstWord(['--', 'create']), undefined)
  t.equal(findFirstWord(['-d']), undefined)
})

t.test('the options of the daemon are loaded for what describes them, and for nothing else', async (t) => {
  let loads = 0
  const daemon = {
    loadOptions: async () => {
      loads++
      return {}
    },
    run: async () => 0,
  }
  for (const argv of [['inspect', 'daemon'], ['--help'], ['ls', '-s', 'daemon'], ['version']]) {
    await runInProcess([...argv, '-s', '/nowhere/x.sock'], { daemon })
  }
  t.equal(loads, 0)
  for (const argv of [['daemon', '--help'], ['help', 'daemon'], ['completion', 'bash'], ['daemon']]) {
    await runInProcess(argv, { daemon })
  }
  t.equal(loads, 4)
})
