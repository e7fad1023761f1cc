import t from 'tap'
import { ConvoyError } from '../../src/errors.js'
import { parseFilters } from '../../src/cli/volume-filter.js'

const rows = [
  { Name: 'db', Driver: 'vfs', State: 'attached', Mounts: 1, Options: { size: '10G' } },
  { Name: 'db-old', Driver: 'ebs', State: 'ready', Mounts: 0, Options: { size: '20G', type: 'gp3' } },
  { Name: 'cache', Driver: 'vfs', State: 'ready', Mounts: 0, Options: {} },
]

const cases: readonly (readonly [filters: readonly string[], names: string])[] = [
  [[], 'db db-old cache'],
  [['name=db'], 'db db-old'],
  [['name=db', 'name=cac'], 'db db-old cache'],
  [['name=db', 'driver=vfs'], 'db'],
  [['driver=vf'], ''],
  [['state=ready'], 'db-old cache'],
  [['mounted=true'], 'db'],
  [['mounted=false'], 'db-old cache'],
  [['option=size'], 'db db-old'],
  [['option=size=10G'], 'db'],
  [['option=size=10G', 'option=size=20G'], ''],
  [['option=size', 'option=type=gp3'], 'db-old'],
  [['option=constructor'], ''],
]
for (const [filters, names] of cases)
  t.test(`filters leave what all of their keys allow: ${filters.join(' ') || 'none'}`, async (t) => {
    t.equal(
      rows
        .filter(parseFilters(filters))
        .map(({ Name }) => Name)
        .join(' '),
      names,
    )
  })

for (const filter of ['nme=x', 'constructor=x', '=x', 'name', 'name=', 'mounted=yes', ''])
  t.test(`a filter that is none is refused: ${JSON.stringify(filter)}`, async (t) => {
    t.throws(() => parseFilters([filter]), { code: 'invalid-argument' })
  })

t.test('the filter that was probably meant is named', async (t) => {
  t.throws(
    () => parseFilters(['drvier=x']),
    new ConvoyError('invalid-argument', 'unknown filter "drvier"', {
      hint: 'did you mean driver? the filters are name, driver, state, mounted, option',
    }),
  )
})
