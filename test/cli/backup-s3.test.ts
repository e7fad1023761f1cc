import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { credentialsFile } from '../object-stores/s3/s3-world.js'
import { account, S3Server } from '../s3/s3-server.js'
import { RepositoryBench } from './repository-bench.js'

/** A host with a bucket, and the flags that lead there. */
async function bench(t: Test) {
  const host = new RepositoryBench(t)
  host.write('source/file', Buffer.alloc(200_000, 'abc'))
  const server = await new S3Server({ aheadMs: 0 }).start(t)
  const place = ['--s3-endpoint', server.endpoint.href]
  const flags = [...place, '--s3-credentials', credentialsFile(t)]
  await host.convoy('repository', 'key', 'generate')
  return { host, server, place, flags, destination: `s3://bucket@${account.region}/backups/` }
}

t.test('a backup to a bucket, with the flags behind the command or behind backup, and back', async (t) => {
  const { host, server, flags, destination } = await bench(t)
  t.match(await host.convoy('repository', 'init', destination, ...flags), { code: 0, out: `${destination}\n` })
  const { code, out } = await host.convoy('backup', 'create', '--path', host.source, '--dest', destination, ...flags)
  t.equal(code, 0)
  t.match(out, /^s3:\/\/bucket@us-west-2\/backups\/\?backup=backup-[0-9a-f]{16}&volume=source\n$/)
  t.ok([...server.objects.keys()].every((key) => key.startsWith('backups/convoy2/')))
  const list = await host.convoy('backup', ...flags, 'list', destination, '-q')
  t.match(list, { code: 0, out })
  const target = host.pathOf('target')
  t.match(await host.convoy('backup', 'extract', out.trimEnd(), '--to', target, ...flags), { code: 0 })
  t.ok(readFileSync(join(target, 'file')).equals(readFileSync(join(host.source, 'file'))))
})

t.test('a bucket that is not there, and credentials that are wrong, are named; no secret is', async (t) => {
  const { host, place, flags, destination } = await bench(t)
  const wrong = credentialsFile(t, { accessKeyId: account.accessKeyId, secretAccessKey: 'not-the-secret', region: '' })
  for (const [url, given, message] of [
    [`s3://nowhere@${account.region}/backups/`, flags, /nowhere/],
    [destination, [...place, '--s3-credentials', wrong], /credential|secret|signature|key/i],
  ] as const)
    for (const argv of [
      ['repository', 'init', url],
      ['backup', 'list', url],
      ['backup', 'create', '--path', host.source, '--dest', url],
    ]) {
      const outcome = await host.convoy(...argv, ...given)
      t.equal(outcome.code, 1, argv.join(' '))
      t.match(outcome.err, message)
      t.notMatch(outcome.err + outcome.out, 'not-the-secret')
    }
})

t.test('a copy into a bucket takes flags of its own', async (t) => {
  const { host, flags, destination } = await bench(t)
  await host.convoy('repository', 'init', host.destination)
  const url = await host.backUp()
  await host.convoy('repository', 'init', destination, ...flags)
  const own = flags.map((word) => word.replace(/^--/, '--to-'))
  const { code, out } = await host.convoy('backup', 'copy', url, destination, ...own)
  t.equal(code, 0)
  t.match(out, /^s3:\/\/bucket@us-west-2\/backups\/\?backup=/)
  t.match(await host.convoy('backup', 'verify', destination, '--read-data', ...flags), { code: 0, out: /all is well/ })
})

t.test('an option of stores that makes no sense is refused by its name', async (t) => {
  const { host, destination } = await bench(t)
  for (const [flag, value] of [
    ['--s3-endpoint', 'http://169.254.169.254/'],
    ['--s3-endpoint', 'https://user:secret@host/'],
    ['--s3-storage-class', 'GLACIER'],
    ['--s3-connections', '0'],
    ['--limit-upload', '1'],
  ] as const) {
    const { code, err } = await host.convoy('backup', 'list', destination, flag, value)
    t.equal(code, 1, `${flag} ${value}`)
    t.match(err, flag.slice(2))
    t.notMatch(err, 'secret')
  }
})
