#!/usr/bin/env node
import plain = require('./cli/plain-query.cjs')

process.stdout.on('error', leave)
process.stderr.on('error', leave)

const query = plain.readPlainQuery(process.argv.slice(2), process.env['CONVOY_SOCKET'])
if (query === undefined) void runCommand()
else void plain.answerPlainly(query).then(print, runCommand)

function print(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`)
}

async function runCommand(): Promise<void> {
  const { main } = await import('./main.js')
  await main()
}

/** Whoever reads us may leave early (`convoy list | head`), or close the terminal, and that is no failure. */
function leave(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE' || error.code === 'EIO') process.exit(process.exitCode)
  process.stderr.write(`convoy: the output cannot be written: ${error.message}\n`)
  process.exit(1)
}
