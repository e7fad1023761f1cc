import t from 'tap'
import { driverConformance } from '../../conformance/driver.js'
import { EbsStorage } from './ebs-world.js'

driverConformance(t, 'ebs', async () => new EbsStorage())
