import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runInstallation } from './commands.js'
import { Source } from './source.js'

// `npm run install:host` and `uninstall:host`. It is a part of the program that it installs, in build/program.
const source = new Source(resolve(dirname(fileURLToPath(import.meta.url)), '../..'))
void runInstallation(process.argv.slice(2), source).then((code) => (process.exitCode = code))
