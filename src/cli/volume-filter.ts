import { ConvoyError } from '../errors.js'
import { findNearestWord } from '../model/nearest-word.js'
import { findField } from './control-client.js'
import type { Row } from './template.js'

type Test = (row: Row, value: string) => boolean

const tests: Readonly<Record<string, Test>> = {
  name: (row, value) => String(row['Name']).includes(value),
  driver: (row, value) => row['Driver'] === value,
  state: (row, value) => row['State'] === value,
  mounted: (row, value) => Number(row['Mounts']) > 0 === (value === 'true'),
  option: (row, value) => {
    const at = value.indexOf('=')
    const own = findField(row['Options'], at < 0 ? value : value.slice(0, at))
    return at < 0 ? own !== undefined : own === value.slice(at + 1)
  },
}

export const filterKeys = Object.keys(tests)

/** As with Docker: several values of one key are alternatives, except options; several keys must all be met. */
export function parseFilters(texts: readonly string[]): (row: Row) => boolean {
  const alternatives = new Map<string, string[]>()
  for (const [key, value] of texts.map(parseFilter)) {
    const group = key === 'option' ? `option ${value}` : key
    alternatives.set(group, [...(alternatives.get(group) ?? []), value])
  }
  const conditions = [...alternatives].map(([group, values]) => ({ test: tests[group.split(' ')[0] ?? ''], values }))
  return (row) => conditions.every(({ test, values }) => values.some((value) => test?.(row, value)))
}

function parseFilter(text: string): readonly [key: string, value: string] {
  const [, key = text, value] = /^([^=]*)=(.*)$/s.exec(text) ?? []
  if (!Object.hasOwn(tests, key)) {
    const near = findNearestWord(key, filterKeys)
    throw new ConvoyError('invalid-argument', `unknown filter ${JSON.stringify(key.slice(0, 60))}`, {
      hint: `${near === undefined ? '' : `did you mean ${near}? `}the filters are ${filterKeys.join(', ')}`,
    })
  }
  if (value === undefined || value === '') {
    throw new ConvoyError('invalid-argument', `the filter ${key} has no value`, { hint: `give it as ${key}=VALUE` })
  }
  if (key === 'mounted' && value !== 'true' && value !== 'false') {
    throw new ConvoyError('invalid-argument', 'the filter mounted is true or false')
  }
  return [key, value]
}
