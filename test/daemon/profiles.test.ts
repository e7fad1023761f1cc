import t from 'tap'
import type { ConfigFile } from '../../src/daemon/config-file.js'
import { parseProfiles } from '../../src/daemon/profiles.js'

type Texts = Readonly<Record<string, string>>

const fileOf = (profiles: Readonly<Record<string, Texts>>): ConfigFile => ({
  path: '/c.yaml',
  options: [],
  driversSource: undefined,
  drivers: new Map(),
  notify: new Map(),
  profiles: new Map(
    Object.entries(profiles).map(([name, texts]) => [
      name,
      Object.entries(texts).map(([key, text]) => ({ name: key, text, source: `/c.yaml:${key}` })),
    ]),
  ),
})
const parse = (profiles: Readonly<Record<string, Texts>>) => parseProfiles(fileOf(profiles), ['vfs'])

t.test('profiles are volume options of their driver by name', async (t) => {
  t.strictSame(parseProfiles(undefined, ['vfs']), new Map())
  const gold = { driver: 'vfs', size: '10G', onRemove: 'trash', mode: '0700' }
  t.strictSame(
    [...parse({ gold, 'plain-1.0': {} })],
    [
      ['gold', gold],
      ['plain-1.0', {}],
    ],
  )
})

t.test('what no volume could be created with is refused by line and name', async (t) => {
  for (const [texts, message] of [
    [{ siez: '1G' }, /^\/c\.yaml:siez: unknown volume option "siez"/],
    [{ size: 'big' }, /^\/c\.yaml:size: volume option size: "big"/],
    [{ onRemove: 'burn' }, /^\/c\.yaml:onRemove: volume option onRemove/],
    [{ profile: 'other' }, /^\/c\.yaml:profile: unknown volume option "profile"/],
    [{ driver: 'ebs' }, /^\/c\.yaml:driver: driver "ebs" is not in use/],
    [{ driver: 'constructor' }, /is not in use/],
  ] as const)
    t.throws(() => parse({ gold: texts }), { code: 'invalid-argument', message }, JSON.stringify(texts))
})

t.test('a profile whose name could not be typed is refused', async (t) => {
  for (const name of ['', 'a b', '../x', '-x', 'x'.repeat(129)])
    t.throws(
      () => parse({ [name]: {} }),
      { code: 'invalid-argument', message: /^\/c\.yaml: profile .* not the name/ },
      name,
    )
})
