import t from 'tap'
import { driverConformance } from '../../conformance/driver.js'
import { VfsDirectory } from './vfs-directory.js'

driverConformance(t, 'vfs', () => VfsDirectory.open())
