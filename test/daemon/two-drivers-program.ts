import type { Driver } from '../../src/drivers/driver.js'
import { type DriverKind, driverKinds } from '../../src/drivers/registry.js'

/** The program with one more kind of driver, `second`: as vfs, on a path of its own. */
const vfs = driverKinds['vfs']
if (vfs === undefined) throw new Error('there is no driver vfs')

const second: DriverKind = {
  ...vfs,
  open: async (setup) => named('second', await vfs.open(setup)),
}

function named(name: string, driver: Driver): Driver {
  return new Proxy(driver, {
    get(target, property) {
      if (property === 'name') return name
      const value: unknown = Reflect.get(target, property, target)
      return typeof value === 'function' ? (value.bind(target) as unknown) : value
    },
  })
}

Object.assign(driverKinds, { second })
const { main } = await import('../../src/main.js')
await main()
