import { spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runInProcess } from '../fakes/command-line.js'

type Shell = 'bash' | 'zsh' | 'fish'

const isThere = (shell: Shell) => spawnSync(shell, ['-c', 'true']).status === 0
const skipOf = (shell: Shell) => (isThere(shell) ? false : `${shell} is not installed`)

/** Completes the last of the words in a real shell. The `convoy` in its PATH knows two volumes, and which socket it is given. */
async function completer(t: Test, shell: Shell) {
  const folder = mkdtempSync(join(tmpdir(), 'convoy-completion-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const fake = `#!/bin/sh
if [ "$1" = --socket ]; then echo "at-$2"; shift 2; fi
case "$*" in
  'ls -q') echo db; echo db-old ;;
  'drivers -q') echo vfs ;;
  'jobs ls -q') echo job-1 ;;
  'trash ls --format {{.Name}}') echo gone ;;
  *) echo "unexpected: $*" ;;
esac
`
  writeFileSync(join(folder, 'convoy'), fake)
  chmodSync(join(folder, 'convoy'), 0o755)
  const { out: script } = await runInProcess(['completion', shell])
  writeFileSync(join(folder, 'script'), script)
  return (...words: readonly string[]): readonly string[] => {
    const { stdout, stderr } = spawnSync(shell, ['-c', programs[shell], 'complete', ...words], {
      cwd: folder,
      encoding: 'utf8',
      env: { PATH: `${folder}:${process.env['PATH'] ?? ''}`, HOME: folder },
    })
    t.equal(stderr, '')
    return stdout.split('\n').filter(Boolean).sort()
  }
}

/** What the shell does at the Tab key, with its words as arguments. zsh's own part is replaced by one that prints. */
const programs: Readonly<Record<Shell, string>> = {
  bash: 'source ./script; COMP_WORDS=(convoy "$@"); COMP_CWORD=$#; _convoy; printf "%s\\n" "${COMPREPLY[@]}"',
  zsh: `source ./script; words=(convoy "$@"); CURRENT=$#words
    keep() { local one; for one; do [[ $one == "$words[CURRENT]"* ]] && print -r -- "$one"; done }
    compadd() { shift; keep "$@" }
    _describe() { keep "\${(@)\${(P)2}%%:*}" }
    _files() { keep * }
    _convoy; true`,
  fish: 'source ./script; complete -C "convoy $argv[2..-1]" | string replace -r "\\t.*" ""',
}

const commands = [
  'completion',
  'create',
  'daemon',
  'delete',
  'drivers',
  'events',
  'info',
  'inspect',
  'jobs',
  'list',
  'ls',
]

for (const shell of ['bash', 'zsh', 'fish'] as const)
  t.test(`${shell} completes commands, flags and names`, { skip: skipOf(shell) }, async (t) => {
    const complete = await completer(t, shell)
    const all = complete('')
    for (const command of commands) t.ok(all.includes(command), command)
    t.notOk(all.includes('job-process'))
    t.same(complete('jobs', ''), ['cancel', 'ls', 'show', 'wait'])
    t.same(complete('jobs', 'w'), ['wait'])
    t.same(complete('delete', 'd'), ['db', 'db-old'])
    t.same(complete('delete', 'db', 'db-'), ['db-old'], 'a repeated argument')
    t.same(complete('delete', '--reference', 'db-'), ['db-old'], 'behind a switch')
    t.same(complete('undelete', ''), ['gone'])
    t.same(complete('jobs', 'wait', ''), ['job-1'])
    t.same(complete('trash', 'empty', 'g'), ['gone'])
    t.same(complete('completion', ''), ['bash', 'fish', 'zsh'])
    t.same(complete('list', '--driver', ''), ['vfs'])
    t.same(complete('ls', '--format', 't'), ['table'])
    t.same(complete('version', '--format', 'j'), ['json'])
    t.ok(complete('create', '--s').includes('--size'))
    t.ok(complete('--so').includes('--socket'), 'a global flag')
    t.ok(complete('ls', '--no').includes('--no-trunc'))
    t.ok(complete('ls', '--f').includes('--filter'))
    t.notOk(complete('jobs', 'cancel', '--').includes('--filter'))
    t.ok(complete('daemon', '--trash').includes('--trash-retention'), "the daemon's own flags")
    t.same(complete('--socket', '/x', 'jobs', 'c'), ['cancel'], 'behind the value of a global flag')
    t.same(complete('-s', '/x', 'inspect', 'at'), ['at-/x'], 'the daemon that was named is asked')
    t.same(complete('--socket', 'scr'), ['script'], 'a flag that takes a file')
  })

t.test('bash takes --format=json apart, and completes it', { skip: skipOf('bash') }, async (t) => {
  const complete = await completer(t, 'bash')
  t.same(complete('ls', '--format', '=', 'j'), ['json'])
  t.same(complete('ls', '--format', '='), ['json', 'table'])
  t.same(complete('--socket', '=', '/y', 'inspect', 'at'), ['at-/y'])
})

t.test('without a daemon there are no words, and no words of an error', { skip: skipOf('bash') }, async (t) => {
  const { code, out } = await runInProcess(['-s', '/nowhere/x.sock', 'ls', '-q'])
  t.equal(code, 1)
  t.equal(out, '')
})

t.test('a shell that is none is refused', async (t) => {
  t.match(await runInProcess(['completion', 'csh']), { code: 1, out: '', err: /bash, zsh, fish/ })
})
