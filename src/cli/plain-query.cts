/**
 * What scripts ask most, and often: answered without commander and without the loader of ES modules, whose time is that of the
 * whole command again. Only the plain form of it and a good answer; everything else is the command line's, which asks once more.
 */

/** Where the daemon's socket is, unless `--socket` or CONVOY_SOCKET says otherwise. Old hosts' `.spec` files hold this path. */
const defaultSocketPath = '/var/run/convoy/convoy.sock'

interface PlainQuery {
  readonly socketPath: string
  readonly path: string
}

/** `given` is CONVOY_SOCKET. */
function usualSocketPath(given = ''): string {
  return given === '' ? defaultSocketPath : given
}

/** `list`, `info` or `inspect NAME`, with the socket before it or none; undefined for any other words. */
function readPlainQuery(argv: readonly string[], givenSocket?: string): PlainQuery | undefined {
  const namesSocket = argv[0] === '-s' || argv[0] === '--socket'
  const [socketPath = '', words] = namesSocket ? [argv[1], argv.slice(2)] : [usualSocketPath(givenSocket), argv]
  const path = pathFor(words)
  return path === undefined || socketPath === '' ? undefined : { socketPath, path }
}

function pathFor([command, name, ...others]: readonly string[]): string | undefined {
  if (others.length > 0) return undefined
  if (command === 'list' && name === undefined) return '/v1/volumes'
  if (command === 'info' && name === undefined) return '/v1/info'
  // No other name of a volume needs care in a URL.
  const isName = name !== undefined && /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/.test(name)
  return command === 'inspect' && isName ? `/v1/volumes/${name}` : undefined
}

const mostCharacters = 64 * 1024 * 1024

/** Resolves to the JSON of the answer; rejects when there is none soon, whatever the reason. */
async function answerPlainly({ socketPath, path }: PlainQuery, timeout = 5000): Promise<unknown> {
  const http = process.getBuiltinModule('node:http')
  const { connect } = process.getBuiltinModule('node:net')
  const text = await new Promise<string>((resolve, reject) => {
    const createConnection = () => connect({ path: socketPath, timeout })
    const request = http.get({ createConnection, path, timeout })
    const giveUp = () => request.destroy(new Error('no plain answer'))
    request.once('timeout', giveUp)
    request.once('error', reject)
    request.once('response', (response) => {
      if (response.statusCode !== 200) giveUp()
      let received = ''
      response.setEncoding('utf8').on('data', (piece: string) => {
        received += piece
        if (received.length > mostCharacters) giveUp()
      })
      response.once('error', reject)
      response.once('end', () => resolve(received))
    })
  })
  return JSON.parse(text)
}

export = { answerPlainly, defaultSocketPath, readPlainQuery, usualSocketPath }
