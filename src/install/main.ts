import { thisSource } from './source.js'

// `npm run install:host` and `uninstall:host`. An unpacked tarball has its packages in an archive: the rest of this program needs them.
thisSource.unpack()
const { runInstallation } = await import('./commands.js')
process.exitCode = runInstallation(process.argv.slice(2))
