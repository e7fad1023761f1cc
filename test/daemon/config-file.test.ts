import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { readConfigFile } from '../../src/daemon/config-file.js'

async function read(t: Test, text: string) {
  const path = join(t.testdir(), 'c.yaml')
  writeFileSync(path, text)
  return { path, file: await readConfigFile(path) }
}

t.test('a configuration is options, drivers with their options, and profiles', async (t) => {
  const { path, file } = await read(
    t,
    `# a comment
jobs: 4
trash-retention: 0
name: "5"
debug: yes
drivers:
  vfs:
    path: /srv/volumes
profiles:
  gold: &gold
    size: 10G
    mode: 0750
  same: *gold
  empty:
`,
  )
  const at = (name: string, value: string, line: number) => ({ name, text: value, source: `${path}:${line}` })
  t.strictSame(file?.options, [
    at('jobs', '4', 2),
    at('trash-retention', '0', 3),
    at('name', '5', 4),
    at('debug', 'yes', 5),
  ])
  t.equal(file?.driversSource, `${path}:6`)
  t.strictSame([...(file?.drivers ?? [])], [['vfs', [at('path', '/srv/volumes', 8)]]])
  const gold = [at('size', '10G', 11), at('mode', '0750', 12)]
  t.strictSame(
    [...(file?.profiles ?? [])],
    [
      ['gold', gold],
      ['same', gold],
      ['empty', []],
    ],
  )
})

t.test('a file that says nothing is a configuration that says nothing', async (t) => {
  for (const text of ['', '\n', '# jobs: 2\n', '---\n', 'drivers:\nprofiles:\n', '{}'])
    t.match((await read(t, text)).file, { options: [], drivers: new Map(), profiles: new Map() }, JSON.stringify(text))
})

t.test('the order of the drivers is that of the file', async (t) => {
  const { file } = await read(t, 'drivers: { vfs: , ebs: {}, aaa: }')
  t.strictSame([...(file?.drivers.keys() ?? [])], ['vfs', 'ebs', 'aaa'])
})

/** Text → where it is wrong, what is said of it. */
const malformed: readonly (readonly [text: string, where: string, message: RegExp])[] = [
  ['jobs: 2\nname: [a', ':2:', /./],
  ['jobs: 2\n\tname: x', ':2:1: ', /[Tt]ab/],
  ['jobs: 1\nroot: /x\njobs: 2', ':3:1: ', /unique/],
  ['name: "x', ':1:', /quote/],
  ['a: b: c', ':1:', /./],
  ['jobs: 2\n---\njobs: 3', ':2:', /document/],
  ['jobs: !include x', ':1:7: ', /tag/],
]

t.test('what is no YAML is refused with file, line and column', async (t) => {
  for (const [text, where, message] of malformed) {
    const path = join(t.testdirName, 'c.yaml')
    await t.rejects(read(t, text), { code: 'invalid-argument', message }, text)
    await t.rejects(read(t, text), { message: `${path}${where}`, hint: /^line \d+, column \d+/ }, text)
  }
})

const misshapen: readonly (readonly [text: string, line: number, message: string, hint?: RegExp])[] = [
  ['- jobs', 1, 'a list where a configuration is expected'],
  ['jobs', 1, '"jobs" where a configuration is expected'],
  ['name: x\njbos: 1', 2, 'unknown key "jbos"', /^did you mean jobs\?$/],
  ['Jobs: 1', 1, 'unknown key "Jobs"', /^did you mean jobs\?$/],
  ['profile: {}', 1, 'unknown key "profile"', /^did you mean profiles\?$/],
  ['zzzzzzz: 1', 1, 'unknown key "zzzzzzz"', /root.*trash-retention/],
  ['__proto__: 1', 1, 'unknown key "__proto__"'],
  ['5: 1', 1, 'unknown key "5"'],
  ['? [a]\n: 1', 1, 'a list where a name is expected'],
  ['check: true', 1, 'unknown key "check"', /^use the flag --check$/],
  ['config: /x', 1, 'unknown key "config"', /^use the flag --config$/],
  ['driver-opts: vfs.path=/x', 1, 'unknown key "driver-opts"', /"drivers"/],
  ['name: x\njobs: [1]', 2, '"jobs" is a list, not one value', /^write jobs: NUMBER$/],
  ['debug: {a: b}', 1, '"debug" is a mapping, not one value', /^write debug: true$/],
  ['jobs:', 1, '"jobs" has no value'],
  ['jobs: ~', 1, '"jobs" has no value'],
  ['drivers: [vfs]', 1, 'a list where drivers, each with its options is expected'],
  ['drivers: vfs', 1, '"vfs" where drivers, each with its options is expected'],
  ['drivers:\n  vfs:\n    path: [/x]', 3, '"path" is a list, not one value'],
  ['profiles:\n  gold: 10G', 2, '"10G" where gold with options is expected'],
  ['profiles: &all\n  gold: *all', 2, '"gold" is a mapping, not one value'],
]

t.test('what has not the form of a configuration is refused with its line', async (t) => {
  for (const [text, line, message, hint] of misshapen) {
    const error = await read(t, text).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    t.match(error, { code: 'invalid-argument', message: `c.yaml:${line}: ${message}` }, text)
    if (hint !== undefined) t.match(error, { hint }, text)
  }
})

t.test('an alias that names nothing, and aliases without end, are refused', async (t) => {
  await t.rejects(read(t, 'jobs: *nothing'), { code: 'invalid-argument' })
  const bomb = [
    'a: &a [x,x]',
    ...'bcdefghij'.split('').map((name, index) => {
      const before = 'abcdefghij'[index] ?? ''
      return `${name}: &${name} [*${before},*${before}]`
    }),
  ]
  await t.rejects(read(t, bomb.join('\n')), { code: 'invalid-argument' })
})

t.test('a file that is not there is none, and one that cannot be read is refused by name', async (t) => {
  const directory = t.testdir()
  t.equal(await readConfigFile(join(directory, 'c.yaml')), undefined)
  t.equal(await readConfigFile(join(directory, 'no', 'c.yaml')), undefined)
  writeFileSync(join(directory, 'file'), '')
  t.equal(await readConfigFile(join(directory, 'file', 'c.yaml')), undefined)
  mkdirSync(join(directory, 'd.yaml'))
  await t.rejects(readConfigFile(join(directory, 'd.yaml')), { message: /d\.yaml cannot be read: EISDIR/ })
  await t.rejects(read(t, `# ${'x'.repeat(1024 * 1024)}`), { message: /larger than/ })
})
