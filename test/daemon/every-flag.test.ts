import { join } from 'node:path'
import t from 'tap'
import { findUnused, needsNoDaemon } from '../cli/flag-uses.js'
import { convoy } from './convoy-command.js'
import { DaemonProcess } from './daemon-process.js'

/** What is typed, and what it prints: on stdout, or on stderr when it ends with 1. `any`: the host decides how it ends. */
type Example = readonly [line: string, says: RegExp | string, code?: 1 | 'any']

/** In this order, to one daemon. */
const examples: readonly Example[] = [
  ['create db --size 1g --driver vfs --opt mode=0700', 'db\n'],
  ['create machine --vm', 'machine\n'],
  ['create other --id nothing', /no directory/, 1],
  ['create other --backup vfs:///x?backup=b&volume=v --s3-endpoint http://x', /unknown volume option/, 1],
  ['create other --type gp3 --iops 100', /unknown volume option/, 1],
  ['mount db', /\/db\n$/],
  ['mount machine --mountpoint /mnt', /mount --bind/, 1],
  ['ls --quiet', 'db\nmachine\n'],
  ['ls --filter mounted=true --format {{.Name}}', 'db\n'],
  ['ls --no-trunc --forgotten', /^NAME/],
  ['ps db --quiet', 'convoy-mount\n'],
  ['ps db --no-trunc --format table', /^KIND.*\nmount +convoy-mount/],
  ['inspect db', /"Name": "db"/],
  ['list --driver vfs', /"machine": \{/],
  ['info', /"DefaultDriver": "vfs"/],
  ['info --config --no-trunc --format {{.Name}}', /^trash-retention$/m],
  ['profiles --quiet', ''],
  ['profiles --no-trunc --format table', /^PROFILE/],
  ['drivers --quiet', 'vfs\n'],
  ['drivers --no-trunc --format {{.Name}}', 'vfs\n'],
  ['version --format json', /^\{\n {2}"Client"/],
  ['umount db', ''],
  ['rename db data', 'data\n'],
  ['resize data 2g', ''],
  ['takeover data', /all hosts use/, 1],
  ['takeover data --force', /all hosts use/, 1],
  ['du data --format json', /"name":"data"/],
  ['delete data', ''],
  ['delete machine --reference', ''],
  ['trash', /^NAME.*\ndata/],
  ['trash ls --quiet', /^\S{36}\n$/],
  ['trash ls --no-trunc --format {{.Name}}', 'data\n'],
  ['undelete data --as db', 'db\n'],
  ['delete db', ''],
  ['trash empty --dry-run', /^NAME.*\ndb/],
  ['trash empty --yes', 'db\n'],
  ['jobs', /"kind":"remove"|"kind": "remove"/],
  ['jobs ls --quiet', /^\S+\n$/],
  ['jobs ls --no-trunc --format {{.Kind}}', 'remove\n'],
  ['jobs wait JOB --format json', /"state":"succeeded"/],
  ['jobs show JOB', /"state": "succeeded"/],
  ['jobs cancel JOB', /./],
  ['events --no-follow --type volume.create --volume machine', /volume\.create machine/],
  ['events --no-follow --since 1h --format json', /"type":"volume\.mount"/],
  ['notify', /^NAME/],
  ['notify ls --quiet', ''],
  ['notify ls --no-trunc --format {{.Name}}', ''],
  ['notify test --no-trunc --format json', /no targets/, 1],
  ['doctor --fix --dry-run', /./, 'any'],
  ['doctor --revive-containers --dry-run --json', /^\{/, 'any'],
  ['support --output FILE --force', /FILE/],
  ['rebuild --dry-run --no-trunc --format table', ''],
  ['completion bash', /complete /],
  ['daemon --check --ignore-config-file --name x --cluster c --root /x --drivers vfs --driver-opts vfs.path=/x', /./],
  ['daemon --check --config CONFIG', /CONFIG/, 1],
  ['daemon --check --socket /x/a --plugin-socket /x/b --on-docker-remove trash --trash-retention 1h --jobs 1', /./],
  [
    'daemon --check --revive-containers --event-retention 1d --event-count 5 --create-on-docker-mount --ignore-docker-delete',
    /./,
  ],
  ['daemon --check --log /x/log --log-level warn --log-format pretty --debug --cmd-timeout 1m --mnt-ns /x', /./],
  ['daemon --check --mount-deadline 25s', /./],
  ['--debug ls --quiet', ''],
  ['--verbose create whole', /^\{\n {2}"Name": "whole"/],
  ['--version', /^convoy version/],
  ['--name none ls', /no daemon at .*none/, 1],
  ['help ls', /^Usage: convoy ls/],
]

t.test('every example says what it should to a real daemon', async (t) => {
  const daemon = await new DaemonProcess(t).start()
  for (const [line, says, code = 0] of examples) {
    const id = line.includes('JOB') ? await convoy(['-s', daemon.controlSocket, 'jobs', 'ls', '-q']) : undefined
    const words = line
      .replace('JOB', id?.out.trim() ?? '')
      .replace(/CONFIG|FILE/, (name) => join(daemon.directory, name))
      .split(' ')
    const isOwn = line.startsWith('daemon') || line.includes('--name')
    const { out, err, ...ended } = await convoy(isOwn ? words : ['-s', daemon.controlSocket, ...words])
    if (code !== 'any') t.equal(ended.code, code, `${line}: ${err}`)
    if (typeof says === 'string') t.equal(out, says, line)
    else t.match(code === 1 ? err : out, says, line)
  }
})

t.test('every command that may need a daemon, and each of its flags, is in an example', async (t) => {
  const lines = examples.map(([line]) => line)
  t.same(await findUnused(lines, (path) => !needsNoDaemon(path)), [])
})
