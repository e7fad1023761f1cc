import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { loadDaemonConfig } from '../../src/daemon/config.js'

/** The configuration of a daemon whose file says this. */
async function load(t: Test, text: string, directory = t.testdir()) {
  const path = join(directory, 'c.yaml')
  writeFileSync(path, text)
  return loadDaemonConfig({ options: { config: path }, drivers: [], driverOptions: [] }, {})
}

t.test('a target says what it wants, where that goes, and how long it is tried', async (t) => {
  const { notify } = await load(
    t,
    `notify:
  least: { webhook: "https://example.org/hook/T0" }
  most:
    events: [volume.mount, job]
    severity: warning
    webhook-file: /etc/address
    headers-file: /etc/headers
    secret-file: /etc/key
    timeout: 1m
    retries: 0
    give-up-after: 7d
  one: { command: /usr/local/bin/tell, events: "job,driver" }
  many: { command: [/usr/local/bin/tell, --x, "a, b", 7] }
`,
  )
  const usual = {
    filter: { types: [], least: 'info' },
    timeoutMs: 10_000,
    retries: 5,
    giveUpAfterMs: 86_400_000,
  } as const
  t.strictSame(notify, [
    { name: 'least', ...usual, destination: { kind: 'webhook', url: 'https://example.org/hook/T0' } },
    {
      name: 'most',
      filter: { types: ['volume.mount', 'job'], least: 'warning' },
      destination: {
        kind: 'webhook',
        url: { file: '/etc/address' },
        headersFile: '/etc/headers',
        secretFile: '/etc/key',
      },
      timeoutMs: 60_000,
      retries: 0,
      giveUpAfterMs: 7 * 86_400_000,
    },
    {
      name: 'one',
      ...usual,
      filter: { types: ['job', 'driver'], least: 'info' },
      destination: { kind: 'command', command: ['/usr/local/bin/tell'] },
    },
    { name: 'many', ...usual, destination: { kind: 'command', command: ['/usr/local/bin/tell', '--x', 'a, b', '7'] } },
  ])
})

t.test('what is shown of a target says where it stands, and nothing that is secret', async (t) => {
  const { settings } = await load(
    t,
    'notify:\n  a:\n    webhook: https://example.org/hook/T0?x=1\n    events: [job, gap]\n',
  )
  const shown = settings.filter(({ name }) => name.startsWith('notify.'))
  t.match(shown, [
    { name: 'notify.a.webhook', value: 'https://example.org/…', source: /c\.yaml:3$/, overrides: [] },
    { name: 'notify.a.events', value: 'job gap', source: /c\.yaml:4$/ },
  ])
})

/** What stands in the mapping of one target → where it is wrong, what is said, what to do. */
const wrong: readonly (readonly [text: string, message: RegExp, hint?: RegExp])[] = [
  ['{}', /c\.yaml: target "a": it says nothing of where/, /webhook, webhook-file and command/],
  ['{ retries: 1 }', /c\.yaml:1: target "a": it says nothing of where/],
  ['{ webhook: "http://x", command: /bin/true }', /:1: target "a": it says webhook and command for/],
  ['{ webhok: "http://x" }', /:1: unknown notify option "webhok"/, /^did you mean webhook\?/],
  ['{ __proto__: x }', /:1: unknown notify option "__proto__"/],
  ['{ webhook: example.org }', /:1: notify option webhook: that is no address/, /https:/],
  ['{ webhook: "ftp://x" }', /that is no address/],
  ['{ webhook: "https://me:geheim@x" }', /holds a name or a password$/, /headers-file/],
  ['{ webhook-file: x }', /:1: notify option webhook-file: "x" is not an absolute path/],
  ['{ command: tell }', /target "a": option command: "tell" is not an absolute path/],
  ['{ command: [] }', /:1: "command" is an empty list/],
  ['{ command: [[/bin/true]] }', /:1: "command" is a list, not one value/],
  ['{ command: /bin/true, secret-file: /x }', /secret-file is for a webhook/],
  [
    '{ command: /bin/true, events: [volume, volume.crate] }',
    /:1: notify option events: "volume.crate" is/,
    /mean volume\.create\?/,
  ],
  ['{ command: /bin/true, severity: fatal }', /:1: notify option severity: "fatal" is not one of info, warning, error/],
  ['{ command: /bin/true, timeout: [1s, 2s] }', /:1: notify option timeout: a list where one value is expected/],
  ['{ command: /bin/true, timeout: 0 }', /"0" is not a time from 1s to 10m/],
  ['{ command: /bin/true, timeout: 1d }', /"1d" is not a time from 1s to 10m/],
  ['{ command: /bin/true, retries: -1 }', /"-1" is not a whole number/],
  ['{ command: /bin/true, give-up-after: soon }', /"soon" is not a duration/],
  ['[x]', /:1: a list where a with options is expected/],
]

t.test('what is wrong with a target is refused by line and name, and says no secret', async (t) => {
  for (const [text, message, hint] of wrong) {
    const expected = { code: 'invalid-argument', message, ...(hint === undefined ? {} : { hint }) }
    await t.rejects(load(t, `notify: { a: ${text} }\n`), expected, text)
    const sentence = await load(t, `notify: { a: ${text} }\n`).catch((thrown: unknown) => String(thrown))
    t.notMatch(sentence, 'geheim')
  }
  await t.rejects(load(t, 'notify: { "a b": { command: /bin/true } }'), {
    message: /"a b" is not the name of a target/,
  })
  await t.rejects(load(t, 'notify: [a]'), { message: /:1: a list where targets, each with its options is expected/ })
  await t.rejects(load(t, 'notfy: {}'), { code: 'invalid-argument', hint: 'did you mean notify?' })
})

t.test('what would keep a target from being told is no mistake, and worth a warning', async (t) => {
  const directory = t.testdir({ secret: 'x', open: 'x' })
  const [secret, open] = [join(directory, 'secret'), join(directory, 'open')]
  chmodSync(secret, 0o600)
  chmodSync(open, 0o644)
  const text = `notify:
  good: { command: /bin/true }
  bad: { command: /bin/nothing }
  files: { webhook-file: ${secret}, secret-file: ${open}, headers-file: ${directory}/none }
`
  t.strictSame((await load(t, text, directory)).warnings, [
    'target bad: /bin/nothing cannot be run',
    `target files: there is no file ${directory}/none`,
    `target files: ${open} holds a secret, and everybody may read it`,
  ])
})
