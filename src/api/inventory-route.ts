import { Type } from 'typebox'
import type { ApiDeps } from './api-deps.js'
import { type ControlScope, run } from './control-scope.js'

const inventoryDocument = Type.Object(
  {
    disks: Type.Array(
      Type.Object({
        driver: Type.String(),
        name: Type.String(),
        id: Type.String(),
        storageId: Type.String({ description: 'what the storage calls it' }),
        state: Type.String({ description: 'by its own tags: live, forgotten, trashed' }),
        sizeBytes: Type.Integer(),
        isOfThisHost: Type.Boolean({ description: 'this host made it or took it over' }),
        isAttachedHere: Type.Boolean(),
        isKnown: Type.Boolean({ description: 'some host answers for it; false: nobody does' }),
        isNameTaken: Type.Boolean({ description: 'this host has another volume of that name' }),
        isIdle: Type.Boolean({ description: 'attached here, and nobody here has it mounted' }),
        defect: Type.Optional(Type.String({ description: 'why it cannot be used' })),
      }),
    ),
    failures: Type.Array(Type.Object({ driver: Type.String(), error: Type.String() }), {
      description: 'drivers whose storage did not say',
    }),
  },
  { description: 'the disks that storages keep, each of which costs money, and what this host knows of them' },
)

/** What `convoy doctor` asks of storage that is billed: unlike a diagnosis it waits for the storage. */
export function registerInventoryRoute(app: ControlScope, deps: ApiDeps): void {
  app.get('/v1/inventory', { schema: { response: { 200: inventoryDocument } } }, (_request, reply) =>
    run(deps, reply, async (call) => {
      const { disks, failures } = await deps.core.inventory.take(call)
      return { disks: [...disks], failures: [...failures] }
    }),
  )
}
