import crypto = require('node:crypto')
import fs = require('node:fs')
import modules = require('node:module')
import path = require('node:path')
import v8 = require('node:v8')
import vm = require('node:vm')
import type { main as run } from './main.js' with { 'resolution-mode': 'import' }

/**
 * In the program that is shipped this stands for `main.ts`, which lies beside it as one script. What V8 made of that when it ran
 * before is kept: a start that compiles nothing takes half the time.
 */

type Wrapped = (require: NodeJS.Require, filename: string) => { readonly main: typeof run }

const scriptFile = path.join(__dirname, 'main.js')
const codeCacheFile = path.join(__dirname, '../main.cache')
const digestBytes = 32

async function main(): Promise<void> {
  const bytes = fs.readFileSync(scriptFile)
  const cachedData = readCodeCache(bytes)
  // The bundler writes ASCII.
  const text = bytes.toString('latin1')
  const script = new vm.Script(text, { filename: scriptFile, ...(cachedData === undefined ? {} : { cachedData }) })
  const wrapped = script.runInThisContext() as Wrapped
  await wrapped(modules.createRequire(scriptFile), scriptFile).main()
  if (process.argv[2] === 'rehearsal') writeCodeCache(bytes, script)
}

/** Undefined unless it is whole and of this script: V8 looks only whether another version of it has made it, and trusts the rest. */
function readCodeCache(script: Buffer): Buffer | undefined {
  try {
    const kept = fs.readFileSync(codeCacheFile)
    const cache = kept.subarray(digestBytes)
    return kept.subarray(0, digestBytes).equals(digestOf(script, cache)) ? cache : undefined
  } catch {
    return undefined
  }
}

function writeCodeCache(bytes: Buffer, script: vm.Script): void {
  // V8 takes none that was made under other flags than those that a start begins with.
  for (const flag of ['--semi-space-growth-factor=2', '--no-expose-gc']) v8.setFlagsFromString(flag)
  const cache = script.createCachedData()
  const partial = `${codeCacheFile}.partial`
  fs.writeFileSync(partial, Buffer.concat([digestOf(bytes, cache), cache]))
  // The daemon has set a mask.
  fs.chmodSync(partial, 0o644)
  fs.renameSync(partial, codeCacheFile)
}

function digestOf(script: Buffer, cache: Buffer): Buffer {
  return crypto.createHash('sha256').update(script).update(cache).digest()
}

export = { main }
