import { manualPage } from './manual-page.js'
import { describeInReadme } from './readme-options.js'
import { sampleFile } from './sample-file.js'
import { templateOf } from './unit-templates.js'

/** Files of the repository that are made from the tables of options, or of each other: path → how it is made of what it is now. */
export const texts: Readonly<Record<string, (before: string) => string>> = {
  'README.md': describeInReadme,
  'systemd/convoy.yaml.sample': sampleFile,
  'man/convoy.8': manualPage,
  'systemd/convoy@.socket': () => templateOf('convoy.socket'),
  'systemd/convoy@.service': () => templateOf('convoy.service'),
}
