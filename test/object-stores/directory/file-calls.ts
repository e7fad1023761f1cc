import * as fsp from 'node:fs/promises'
import { createRequire, syncBuiltinESMExports } from 'node:module'
import type { Test } from 'tap'

/** Does what happens at one call of the file system: `act` is the call itself. */
export type AtCall = (name: string, args: readonly unknown[], act: () => Promise<unknown>) => Promise<unknown>

type Functions = Record<string, (...args: unknown[]) => Promise<unknown>>

/** The very object that `node:fs/promises` exports from. */
const promises = createRequire(import.meta.url)('node:fs/promises') as Functions

/** Calls that change something or look at it. `close` is none that Node lets us see. */
const changing = ['link', 'mkdir', 'open', 'rename', 'unlink']
const ofFiles = ['write', 'sync', 'stat', 'read']

/**
 * From now on every call of the file system by this process goes through `at`, named `mkdir`, `link` and so on, with the path or
 * the handle as the first argument. The result undoes it.
 */
export async function interceptFileCalls(at: AtCall): Promise<() => void> {
  const handle = await fsp.open('/dev/null')
  const files = Object.getPrototypeOf(handle) as Functions
  await handle.close()
  const undo = [...intercept(promises, changing, at), ...intercept(files, ofFiles, at)]
  syncBuiltinESMExports()
  return () => {
    undo.forEach((one) => one())
    syncBuiltinESMExports()
  }
}

function intercept(functions: Functions, names: readonly string[], at: AtCall): (() => void)[] {
  return names.map((name) => {
    const original = functions[name]
    if (original === undefined) throw new Error(`Node has no ${name}`)
    functions[name] = function (this: unknown, ...args) {
      const subject = functions === promises ? args : [this, ...args]
      return at(name, subject, () => original.apply(this, args))
    }
    return () => void (functions[name] = original)
  })
}

/** Until the test ends. */
export async function duringTest(t: Test, at: AtCall): Promise<void> {
  t.teardown(await interceptFileCalls(at))
}

/** As Node throws it. */
export const errno = (code: string, syscall: string) =>
  Object.assign(new Error(`${code}: as told by a test, ${syscall}`), { code, syscall })
