import { type DescribedOption, describedDrivers, describedOptions } from './described-options.js'

const begin = '<!-- made by "npm run docs" from the tables of options; do not edit -->'
const end = '<!-- end of what is made -->'

/** The README with its table of the daemon's options made anew. */
export function describeInReadme(readme: string): string {
  const from = readme.indexOf(begin)
  const to = readme.indexOf(end)
  if (from < 0 || to < from) throw new Error(`the README has no "${begin}" before "${end}"`)
  return `${readme.slice(0, from + begin.length)}\n\n${table()}\n${readme.slice(to)}`
}

function table(): string {
  const options = [...describedOptions, ...describedDrivers.flatMap(({ options }) => options)]
  return `| flag | default | |\n|---|---|---|\n${options.map(row).join('')}`
}

function row({ flag, defaultText, help, isReloadable }: DescribedOption): string {
  const shown = defaultText === undefined ? '' : `\`${defaultText}\``
  return `| \`${escape(flag)}\` | ${escape(shown)} | ${escape(help)}${isReloadable ? ' ⟳' : ''} |\n`
}

const escape = (text: string) => text.replaceAll('|', '\\|')
