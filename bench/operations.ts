import type { PluginClient } from '../test/engine/plugin-client.js'
import { bareOperations, type BareOperation } from './bare-steps.js'

export interface Operation {
  readonly title: string
  /** Convoy 0.5, p50 / p99 in ms, with 2,000 volumes and without any fsync (compat.md §4). */
  readonly published: string
  readonly act: (plugin: PluginClient, name: string) => Promise<unknown>
  /** Present when it waits for the disk. */
  readonly bare?: BareOperation
}

const mountId = 'b'.repeat(64)

async function ask(plugin: PluginClient, path: string, argument: object): Promise<void> {
  const { Err } = await plugin.call(`VolumeDriver.${path}`, argument)
  if (Err !== undefined && Err !== '') throw new Error(`${path}: ${Err}`)
}

const create = (options: Readonly<Record<string, string>> | null) => (plugin: PluginClient, Name: string) =>
  ask(plugin, 'Create', { Name, Opts: options })
const remove = (plugin: PluginClient, Name: string) => ask(plugin, 'Remove', { Name })

/** In the order in which a volume meets them; each round runs one after the other. */
export const operations = {
  get: {
    title: 'Get',
    published: '0.17 / 0.38',
    act: (plugin, Name) => ask(plugin, 'Get', { Name }),
  },
  create: { title: 'Create', published: '2.3 / 6.9', act: create(null), bare: bareOperations.create },
  mount: {
    title: 'Mount',
    published: '1.8 / 5.9',
    act: (plugin, Name) => ask(plugin, 'Mount', { Name, ID: mountId }),
    bare: bareOperations.mount,
  },
  unmount: {
    title: 'Unmount',
    published: '1.9 / 8.0',
    act: (plugin, Name) => ask(plugin, 'Unmount', { Name, ID: mountId }),
    bare: bareOperations.unmount,
  },
  remove: { title: 'Remove (retain)', published: '–', act: remove, bare: bareOperations.remove },
  createForTrash: {
    title: 'Create (onRemove=trash)',
    published: '–',
    act: create({ onRemove: 'trash' }),
    bare: bareOperations.create,
  },
  trash: { title: 'Remove (trash)', published: '–', act: remove, bare: bareOperations.trash },
  list: {
    title: 'List (unchanged)',
    published: '94 / 117',
    act: (plugin) => plugin.send('VolumeDriver.List', '{}'),
  },
} as const satisfies Readonly<Record<string, Operation>>

/** Name and operation, in order. */
export const allOperations: readonly (readonly [string, Operation])[] = Object.entries(operations)
