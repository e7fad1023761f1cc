import { runProgram } from './exec.js'

const timeoutMs = 10_000

/**
 * The addresses that a name has now; none when it has none. A process of its own asks: a resolver that hangs would take threads of
 * Node that files need, too.
 */
export async function resolveHost(name: string): Promise<readonly string[]> {
  const { stdout } = await runProgram('getent', ['ahosts', '--', name], { timeoutMs })
  return stdout.match(/^\S+/gm) ?? []
}
