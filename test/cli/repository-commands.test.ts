import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import t, { type Test } from 'tap'
import { RepositoryBench, typing } from './repository-bench.js'

const words = /^(?:[a-z]+ ){23}[a-z]+\n$/

t.test('key generate makes a key for its owner only, and prints the words that stand for it', async (t) => {
  const bench = new RepositoryBench(t)
  const { code, out, err } = await bench.convoy('repository', 'key', 'generate')
  t.equal(code, 0)
  t.match(out, words)
  t.match(err, `made the key ${bench.keyFile}`)
  t.equal(statSync(bench.keyFile).mode & 0o777, 0o600)
  t.notMatch(err, out.trimEnd(), 'the words are on stdout only')
})

t.test('a key is never written over', async (t) => {
  const bench = new RepositoryBench(t)
  await bench.convoy('repository', 'key', 'generate')
  const before = readFileSync(bench.keyFile, 'utf8')
  t.match(await bench.convoy('repository', 'key', 'generate'), {
    code: 1,
    out: '',
    err: /exists already.*never written over/,
  })
  const phrase = (await bench.convoy('repository', 'key', 'export')).out
  t.match(await bench.on({ readInput: async () => phrase }, 'repository', 'key', 'import'), { code: 1, out: '' })
  t.equal(readFileSync(bench.keyFile, 'utf8'), before)
})

t.test('a new key is not made for a repository that it would not open', async (t) => {
  const bench = new RepositoryBench(t)
  await bench.init()
  const other = bench.pathOf('other.key')
  const outcome = await bench.convoy('repository', 'key', 'generate', bench.destination, '--key-file', other)
  t.match(outcome, { code: 1, out: '', err: /there is a repository at .* already/ })
  t.notOk(existsSync(other))
})

t.test('init without a key stops and prints the two ways on', async (t) => {
  const bench = new RepositoryBench(t)
  const { code, out, err } = await bench.convoy('repository', 'init', bench.destination)
  t.equal(code, 1)
  t.equal(out, '')
  t.match(err, /convoy repository key generate/)
  t.match(err, /--encryption none/)
  t.same(readdirSync(bench.pathOf('store')), [], 'nothing was made')
})

t.test('init with the key that is there makes an encrypted repository', async (t) => {
  const bench = new RepositoryBench(t)
  await bench.convoy('repository', 'key', 'generate')
  const { code, out, err } = await bench.convoy('repository', 'init', bench.destination)
  t.equal(code, 0)
  t.equal(out, `${bench.destination}\n`)
  t.match(err, `encrypted by the key in ${bench.keyFile}`)
  const config = JSON.parse(readFileSync(bench.pathOf('store/convoy2/config.json'), 'utf8')) as object
  t.match(config, { format: 1, encryption: 'key' })
  t.match(await bench.convoy('repository', 'init', bench.destination), { code: 1, out: '', err: /already/ })
})

t.test('init --encryption none says what that means', async (t) => {
  const bench = new RepositoryBench(t)
  const { code, err } = await bench.convoy('repository', 'init', bench.destination, '--encryption', 'none')
  t.equal(code, 0)
  t.match(err, /not encrypted: whoever can read/)
  t.match(await bench.convoy('backup', 'list', bench.destination), { code: 0, out: '{}\n' })
})

t.test('a repository that lost its encryption is refused to whoever names a key or a passphrase for it', async (t) => {
  const bench = new RepositoryBench(t)
  await bench.convoy('repository', 'init', bench.destination, '--encryption', 'none')
  await bench.convoy('repository', 'key', 'generate')
  const passphraseFile = bench.write('words', 'correct horse\n')
  const { keyFile, destination, source } = bench
  const refused = { code: 1, err: /is not encrypted, but a key is named for it.*leave out --key-file/ }
  for (const argv of [
    ['backup', 'list', destination],
    ['backup', 'create', '--path', source, '--dest', destination],
    ['backup', 'prune', destination],
    ['repository', 'stats', destination],
  ]) {
    const text = argv.join(' ')
    t.match(await bench.convoy(...argv, '--key-file', keyFile), refused, text)
    t.match(await bench.convoy(...argv, '--passphrase-file', passphraseFile), refused, text)
    for (const named of [{ keyFile }, { passphraseFile }])
      t.match(await bench.within({ keys: { usualKeyFile: keyFile, ...named } }, {}, ...argv), refused, text)
    const keys = { usualKeyFile: keyFile, keyFile: '', passphraseFile: '' }
    t.match(await bench.within({ keys }, {}, ...argv), { code: 0 }, 'one that only lies there is for others')
  }
})

t.test('a passphrase is typed twice for a new repository, and once for an old one', async (t) => {
  const bench = new RepositoryBench(t)
  const screen = typing('correct horse', 'correct horse')
  const init = await bench.on(screen, 'repository', 'init', bench.destination, '--passphrase')
  t.match(init, { code: 0, err: /encrypted by the passphrase/ })
  t.same(screen.questions, ['New passphrase:', 'Once more:'])
  t.match(await bench.on(typing('correct horse'), 'backup', 'list', '--json', bench.destination), {
    code: 0,
    out: '{}\n',
  })
  const wrong = await bench.on(typing('incorrect horse'), 'backup', 'list', bench.destination)
  t.match(wrong, { code: 1, err: /no key slot of vfs:.* opens with this passphrase/ })
  t.notMatch(wrong.out + wrong.err, 'incorrect', 'what was typed appears nowhere')
})

t.test('a passphrase out of a file serves as well; without it the repository stays closed', async (t) => {
  const bench = new RepositoryBench(t)
  const file = bench.write('words', 'correct horse\n')
  t.match(await bench.convoy('repository', 'init', bench.destination, '--passphrase-file', file), { code: 0 })
  const keys = { passphraseFile: file, usualKeyFile: bench.keyFile }
  t.match(await bench.within({ keys }, {}, 'backup', 'list', bench.destination), { code: 0 })
  t.match(await bench.convoy('backup', 'list', bench.destination), {
    code: 1,
    err: /encrypted, and there is no key for it/,
  })
})

t.test('a key that only lies where keys usually do is not held against a repository of a passphrase', async (t) => {
  const bench = new RepositoryBench(t)
  await bench.on(typing('correct horse', 'correct horse'), 'repository', 'init', bench.destination, '--passphrase')
  await bench.convoy('repository', 'key', 'generate')
  t.match(await bench.on(typing('correct horse'), 'backup', 'list', bench.destination), { code: 0 })
  const named = await bench.on(typing(), 'backup', 'list', bench.destination, '--key-file', bench.keyFile)
  t.match(named, { code: 1, err: /opens with this key file/ })
})

t.test('the words of a key are not printed for a repository that it does not open', async (t) => {
  const bench = new RepositoryBench(t)
  await bench.init()
  const other = bench.pathOf('other.key')
  await bench.convoy('repository', 'key', 'generate', '--key-file', other)
  const outcome = await bench.convoy('repository', 'key', 'export', bench.destination, '--key-file', other)
  t.match(outcome, { code: 1, out: '', err: /opens with this key file/ })
  t.match(await bench.convoy('repository', 'key', 'export', '--key-file', other), { code: 0, out: words })
})

t.test('without its key an encrypted repository is not opened, nor with another one', async (t) => {
  const bench = new RepositoryBench(t)
  await bench.init()
  const other = bench.pathOf('other.key')
  await bench.convoy('repository', 'key', 'generate', '--key-file', other)
  const wrong = await bench.convoy('backup', 'list', bench.destination, '--key-file', other)
  t.match(wrong, { code: 1, err: /no key slot of vfs:.* opens with this key file/ })
  const none = await bench.within(
    { keys: { usualKeyFile: bench.pathOf('none') } },
    {},
    'backup',
    'list',
    bench.destination,
  )
  t.match(none, { code: 1, err: /there is no key for it.*key import/ })
})

t.test('the 24 words make the key again on a bare machine, if they are the right ones', async (t) => {
  const bench = new RepositoryBench(t)
  await bench.init()
  const { out: phrase } = await bench.convoy('repository', 'key', 'export', bench.destination)
  t.match(phrase, words)
  const keys = { usualKeyFile: bench.pathOf('bare/repository.key') }
  const importing = (text: string | undefined) =>
    bench.within({ keys }, { readInput: async () => text }, 'repository', 'key', 'import', bench.destination)
  const others = await bench.convoy('repository', 'key', 'generate', '--key-file', bench.pathOf('other.key'))
  for (const [text, message] of [
    [others.out, /opens with this key file/],
    ['abandon '.repeat(24), /no recovery phrase/],
    ['one two', /no recovery phrase/],
    [undefined, /no words were given/],
  ] as const) {
    t.match(await importing(text), { code: 1, out: '', err: message })
    t.notOk(existsSync(keys.usualKeyFile))
  }
  t.match(await importing(phrase.toUpperCase()), { code: 0, err: /made the key .*, which opens vfs:/ })
  t.equal(readFileSync(keys.usualKeyFile, 'utf8'), readFileSync(bench.keyFile, 'utf8'))
  t.match(await bench.within({ keys }, {}, 'backup', 'list', bench.destination), { code: 0 })
})

const listedIds = async (t: Test, bench: RepositoryBench) => {
  const { code, out } = await bench.convoy('repository', 'key', 'list', bench.destination, '--format', '{{.ID}}')
  t.equal(code, 0)
  return out.trimEnd().split('\n')
}

t.test('key add lets another key open it, key list shows both, key remove takes one away', async (t) => {
  const bench = new RepositoryBench(t)
  await bench.init()
  const [first = ''] = await listedIds(t, bench)
  const second = bench.pathOf('second.key')
  const added = await bench.convoy(
    'repository',
    'key',
    'add',
    bench.destination,
    '--new-key-file',
    second,
    '--label',
    'spare',
  )
  t.match(added, { code: 0, out: /^[0-9a-f]{16}\n$/, err: /made the key/ })
  t.same(await listedIds(t, bench), [first, added.out.trimEnd()].sort())
  t.match(await bench.convoy('repository', 'key', 'list', bench.destination), { out: /key-file +spare +/ })
  const list = ['backup', 'list', bench.destination]
  t.match(await bench.convoy(...list, '--key-file', second), { code: 0 })
  const remove = ['repository', 'key', 'remove', bench.destination, first]
  t.match(await bench.convoy(...remove), { code: 1, out: '', err: /no terminal to ask at.*--yes/ })
  t.match(await bench.convoy(...remove, '--dry-run'), { code: 0, out: '', err: /would no longer open/ })
  t.match(await bench.on(typing('n'), ...remove), { code: 1, out: '', err: /no key was removed/ })
  t.match(await bench.convoy(...list), { code: 0 })
  t.match(await bench.on(typing('y'), ...remove), { code: 0, out: `${first}\n` })
  t.match(await bench.convoy(...list), { code: 1, err: /opens with this key file/ })
  t.match(await bench.convoy(...list, '--key-file', second), { code: 0 })
})

t.test('the last key is not removed, and an unknown one neither', async (t) => {
  const bench = new RepositoryBench(t)
  await bench.init()
  const [only = ''] = await listedIds(t, bench)
  const remove = (id: string) => bench.convoy('repository', 'key', 'remove', bench.destination, id, '--yes')
  t.match(await remove(only), { code: 1, out: '', err: /the last key/ })
  t.match(await remove('0123'), { code: 1, out: '', err: /no key of vfs:.*"0123"/ })
  t.match(await bench.convoy('backup', 'list', bench.destination), { code: 0 })
})

t.test('a passphrase can be added at a terminal', async (t) => {
  const bench = new RepositoryBench(t)
  await bench.init()
  const added = await bench.on(typing('long enough', 'long enough'), 'repository', 'key', 'add', bench.destination)
  t.match(added, { code: 0 })
  const keys = { usualKeyFile: bench.pathOf('none') }
  t.match(await bench.within({ keys }, typing('long enough'), 'backup', 'list', bench.destination), { code: 0 })
  t.match(await bench.convoy('repository', 'key', 'add', bench.destination), { code: 1, err: /no terminal to type/ })
})

t.test('what is no destination is refused by name, also that of another driver', async (t) => {
  const bench = new RepositoryBench(t)
  for (const [text, message] of [
    ['ebs://us-west-2/snap-1', /of another driver/],
    ['ftp://x/y', /not known, ftp/],
    ['vfs://relative', /no absolute directory/],
    ['/mnt', /is not a destination/],
    ['s3://user:secret@x/y', /no user, password or port/],
  ] as const)
    for (const argv of [
      ['repository', 'init', text],
      ['backup', 'list', text],
    ]) {
      const { code, err } = await bench.convoy(...argv)
      t.equal(code, 1, argv.join(' '))
      t.match(err, message)
      t.notMatch(err, 'secret')
    }
})

t.test('where there is no repository that is said, with the way to make one', async (t) => {
  const bench = new RepositoryBench(t)
  const { code, err } = await bench.convoy('backup', 'list', bench.destination)
  t.equal(code, 1)
  t.match(err, /there is no repository at vfs:.*repository init/)
})

t.test('a repository of a later version is refused', async (t) => {
  const bench = new RepositoryBench(t)
  await bench.init()
  const path = 'store/convoy2/config.json'
  const config = readFileSync(bench.pathOf(path), 'utf8')
  bench.write(path, config.replace('"format": 1', '"format": 2'))
  t.match(await bench.convoy('backup', 'list', bench.destination), { code: 1, err: /version|format/ })
  bench.write(path, config.replace('"requires": []', '"requires": ["time-travel"]'))
  t.match(await bench.convoy('backup', 'list', bench.destination), { code: 1, err: /time-travel/ })
})
