import { oldEbsOptions } from '../src/drivers/ebs/old-ebs-options.js'
import { type DescribedOption, describedDrivers, describedOptions } from './described-options.js'

const end = '<!-- end of what is made -->'

/** What stands between a mark and the end of what is made: mark → the table. */
const tables: Readonly<Record<string, () => string>> = {
  '<!-- made by "npm run docs" from the options of ebs volumes; do not edit -->': ebsVolumeTable,
  '<!-- made by "npm run docs" from the tables of options; do not edit -->': flagTable,
}

/** The README with its tables of options made anew. */
export function describeInReadme(readme: string): string {
  return Object.entries(tables).reduce((text, [begin, table]) => {
    const from = text.indexOf(begin)
    const to = text.indexOf(end, from)
    if (from < 0 || to < from) throw new Error(`the README has no "${begin}" before "${end}"`)
    return `${text.slice(0, from + begin.length)}\n\n${table()}\n${text.slice(to)}`
  }, readme)
}

function flagTable(): string {
  const options = [...describedOptions, ...describedDrivers.flatMap(({ options }) => options)]
  return `| flag | default | |\n|---|---|---|\n${options.map(row).join('')}`
}

function row({ flag, defaultText, help, isReloadable }: DescribedOption): string {
  const shown = defaultText === undefined ? '' : `\`${defaultText}\``
  return `| \`${escape(flag)}\` | ${escape(shown)} | ${escape(help)}${isReloadable ? ' ⟳' : ''} |\n`
}

/** Without the names of old, which the manual page lists. */
function ebsVolumeTable(): string {
  const { volumeOptions = {} } = describedDrivers.find(({ name }) => name === 'ebs') ?? {}
  const today = Object.entries(volumeOptions).filter(([name]) => !Object.hasOwn(oldEbsOptions, name))
  const rows = today.map(
    ([name, { placeholder, help }]) => `| \`${name}=${escape(placeholder)}\` | ${escape(help)} |\n`,
  )
  return `| option | meaning |\n|---|---|\n${rows.join('')}`
}

const escape = (text: string) => text.replaceAll('|', '\\|')
