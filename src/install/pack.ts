import { thisSource } from './source.js'

// Run by `npm pack`: what convoy needs to run goes into the tarball.
thisSource.pack()
