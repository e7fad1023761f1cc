import type { Command } from 'commander'
import { readItems, readList, readText } from './answer.js'
import { findField } from './control-client.js'
import { addListingFlags, choosePrinter, type Listing, type ListingFlags, quietFlag } from './listing.js'
import type { Session } from './session.js'

const drivers: Listing = {
  columns: [
    { heading: 'NAME', field: 'Name' },
    { heading: 'DEFAULT', field: 'Default', importance: 2 },
    { heading: 'ATTACH', field: 'AttachMode', importance: 1 },
    { heading: 'VOLUME OPTIONS', field: 'OptionNames', least: 12 },
  ],
  fields: ['Name', 'Default', 'IsDefault', 'AttachMode', 'OptionNames', 'VolumeOptions', 'Description'],
  key: 'Name',
}

export function addDriversCommand(program: Command, session: Session): void {
  const command = program
    .command('drivers')
    .description('show the storage drivers of the daemon and the options of their volumes')
    .option(...quietFlag)
    .action(async (flags: ListingFlags) => {
      const print = choosePrinter(drivers, flags, session.terminal)
      const answer = readList(await session.client.get('/v1/drivers'))
      await print(
        answer.map((driver) => {
          const options = readItems(driver, 'volumeOptions')
          const isDefault = findField(driver, 'isDefault') === true
          return {
            Name: readText(driver, 'name'),
            Default: isDefault ? 'yes' : '',
            IsDefault: isDefault,
            AttachMode: readText(driver, 'attachMode'),
            OptionNames: options.map((option) => readText(option, 'name')).join(' '),
            VolumeOptions: options,
            Description: findField(driver, 'description') ?? {},
          }
        }),
      )
    })
  addListingFlags(command)
  session.addressPeople(command)
}
