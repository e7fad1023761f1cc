import t, { type Test } from 'tap'
import { credentialsFile } from '../object-stores/s3/s3-world.js'
import { findUnused, needsNoDaemon } from './flag-uses.js'
import { RepositoryBench } from './repository-bench.js'

/** What is typed, and what it prints: on stdout, or on stderr when it ends with 1. Words in capitals are places, or what was printed before. */
type Example = readonly [line: string, says: RegExp, code?: 1]

const words = /^(?:[a-z]+ ){23}[a-z]+\n$/
const url = /^vfs:\/\/\S+\?backup=backup-[0-9a-f]{16}&volume=db\n$/
const nothing = /^$/
const storeFlags =
  '--limit-upload 100m --s3-endpoint http://127.0.0.1:9 --s3-credentials CREDENTIALS --s3-storage-class STANDARD_IA --s3-encryption AES256 --s3-connections 4'
const secondStoreFlags = storeFlags.replaceAll('--', '--to-')

const groups: readonly Example[] = [
  ['backup', /Usage: convoy backup/],
  ['repository', /Usage: convoy repository/],
  ['repository key', /Usage: convoy repository key/],
]

/** In this order, on one host. */
const examples: readonly Example[] = [
  ['repository key generate', words],
  ['repository key export', words],
  ['repository key import', /never written over/, 1],
  ['repository init DEST --encryption key', /\/store\n$/],
  ['repository init OTHER --encryption none', /\/other\n$/],
  ['repository init TYPED --passphrase', /\/typed\n$/],
  ['repository key add DEST --new-passphrase-file WORDS --label spare', /^[0-9a-f]{16}\n$/],
  ['repository key remove DEST SLOT --dry-run', nothing],
  ['repository key remove DEST SLOT --yes', /^[0-9a-f]{16}\n$/],
  ['repository key add DEST --new-key-file NEWKEY', /^[0-9a-f]{16}\n$/],
  ['repository key list DEST --quiet', /^(?:[0-9a-f]{16}\n){2}$/],
  ['repository key list DEST --no-trunc --format {{.Kind}}', /^key-file$/m],
  ['backup create --path SOURCE --dest DEST --volume db --exclude *.tmp --tag nightly --encryption key', url],
  [
    'backup create --path SOURCE --dest DEST --volume db --parent URL --limit-memory 200m --json',
    /"filesUnchanged":\d/,
  ],
  [`backup ${storeFlags} list DEST --quiet`, /^(?:vfs:\S+\n){2}$/],
  ['backup list DEST --volume-name db --json', /^\{/],
  ['backup list DEST --no-trunc --format {{.Tags}}', /^nightly$/m],
  ['backup inspect URL', /"tree"/],
  ['backup stats URL --json', /^\{/],
  ['backup ls URL sub --recursive --quiet', /^sub\/deep\n$/],
  ['backup ls URL --no-trunc --format {{.Path}}', /^notes\nsub\n$/],
  ['backup cat URL notes', nothing],
  ['backup find URL deep --type f --quiet', /^sub\/deep\n$/],
  ['backup find URL * --no-trunc --format {{.Path}}', /^sub$/m],
  ['backup diff URL URL --quiet', nothing],
  ['backup diff URL URL --no-trunc --format {{.Path}}', nothing],
  ['backup extract URL --to TARGET --devices --setuid drop --keep-healthy --limit-memory 200m --json', /"result"/],
  ['backup verify DEST --read-data --no-mark --json', /"isHealthy":true/],
  ['repository init SECOND --encryption key', /\/second\n$/],
  ['repository key add SECOND --new-key-file NEWKEY', /^[0-9a-f]{16}\n$/],
  ['repository key add SECOND --new-passphrase-file WORDS', /^[0-9a-f]{16}\n$/],
  [`backup copy URL SECOND --to-key-file NEWKEY --json ${secondStoreFlags}`, /"result"/],
  ['backup copy URL SECOND --to-passphrase-file WORDS', /second/],
  [
    'backup prune DEST --keep-last 1 --keep-hourly 1 --keep-daily 1 --keep-weekly 1 --keep-monthly 1 --keep-yearly 1 --dry-run',
    /last 1/,
  ],
  [
    'backup prune DEST --keep-within 30d --keep-tag nightly --volume db --time-zone UTC --max-repack 1g --yes --json',
    /"removed":\[/,
  ],
  ['repository stats DEST --json', /"backups": 2/],
  ['repository stats DEST --no-trunc --format {{.Volume}}', /^db\n$/],
  ['repository repair DEST --set-aside --dry-run', /nothing/],
  ['repository repair DEST --yes --json', /"result"/],
  ['repository unlock DEST --all --dry-run', /^HOST/],
  ['repository unlock DEST --yes --no-trunc --format table', /^HOST/],
  ['backup delete URL --dry-run', nothing],
  ['backup delete URL --yes', nothing],
]

/** With files to back up, and somebody at the keyboard who knows the words. */
class Host {
  readonly #bench: RepositoryBench
  readonly #places: Record<string, string>
  #phrase = ''

  constructor(t: Test) {
    const bench = new RepositoryBench(t)
    for (const name of ['notes', 'sub/deep', 'left.tmp']) bench.write(`source/${name}`, name)
    this.#bench = bench
    this.#places = {
      ...{ SOURCE: bench.source, TARGET: bench.pathOf('target'), KEY: bench.keyFile, NEWKEY: bench.pathOf('new.key') },
      ...{ CREDENTIALS: credentialsFile(t), WORDS: bench.write('words', 'correct horse\n') },
      DEST: bench.destination,
      ...Object.fromEntries(
        ['other', 'typed', 'second'].map((name) => [name.toUpperCase(), `vfs://${bench.pathOf(name)}`]),
      ),
    }
  }

  async type(line: string) {
    const argv = line.split(' ').map((word) => this.#places[word] ?? word)
    const screen = { readInput: async () => this.#phrase, askSecret: async () => 'correct horse' }
    const outcome = await this.#bench.on(screen, ...argv)
    this.#remember(outcome.out)
    return outcome
  }

  #remember(out: string): void {
    const text = out.trimEnd()
    if (words.test(out)) this.#phrase = text
    if (url.test(out)) this.#places['URL'] = text
    if (/^[0-9a-f]{16}\n$/.test(out)) this.#places['SLOT'] = text
  }
}

/** What every command takes: each example is run with the one and with the other. */
const accesses = [`--key-file KEY ${storeFlags}`, '--passphrase-file WORDS']

for (const access of accesses)
  t.test(`every example says what it should with ${access}`, async (t) => {
    const host = new Host(t)
    for (const [line, says, code = 0] of examples) {
      const outcome = await host.type(`${line} ${access}`)
      t.equal(outcome.code, code, `${line}: ${outcome.err}`)
      t.match(code === 1 ? outcome.err : outcome.out, says, line)
    }
  })

t.test('a group by itself shows what is in it', async (t) => {
  for (const [line, says] of groups) t.match((await new Host(t).type(line)).out, says, line)
})

t.test('every command and each of its flags is in an example', async (t) => {
  const lines = examples.flatMap(([line]) => accesses.map((access) => `${line} ${access}`))
  t.same(await findUnused([...lines, ...groups.map(([line]) => line)], needsNoDaemon), [])
})
