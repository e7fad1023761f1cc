import { spawnSync } from 'node:child_process'
import { createServer } from 'node:net'

// What systemd does: listens on sockets, hands them to the daemon, and starts it again as often as it is told to. It never
// accepts a connection itself, because its event loop stands still.

const [paths = '', lives = '1', ...command] = process.argv.slice(2)

const descriptors = await Promise.all(
  paths.split(',').map(async (path) => {
    const server = createServer().listen(path)
    await new Promise((resolve) => server.once('listening', resolve))
    // Node has no other way to the number of the descriptor.
    return (server as unknown as { readonly _handle: { readonly fd: number } })._handle.fd
  }),
)

for (let life = 0; life < Number(lives); life++) {
  // LISTEN_PID must be the daemon's own, so a shell sets it and becomes the daemon.
  const { status } = spawnSync('sh', ['-c', 'LISTEN_PID=$$ exec "$@"', 'sh', ...command], {
    stdio: ['ignore', 'inherit', 'inherit', ...descriptors],
  })
  process.exitCode = status ?? 1
}
process.exit()
