import t, { type Test } from 'tap'
import { convoyDisk, GuestConvoy } from './guest-convoy.js'
import type { Guest } from './guest.js'
import { Lab } from './lab.js'
import { guestRequirements } from './prerequisites.js'
import { diskDevice } from './qemu-command.js'

const options = guestRequirements(t)
const efs = 'fs-0123456789abcdef0'
const dnsName = `${efs}.efs.eu-west-1.amazonaws.com`
/** Nobody answers there: what the API would say has to be found out without it. */
const api =
  'export AWS_EC2_METADATA_DISABLED=true AWS_REGION=eu-west-1 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none'

/** What amazon-efs-utils do, as far as the kernel shows it: a port of this host takes what is for the file system. */
const mountHelper = `#!/bin/bash
# mount.efs SOURCE DIRECTORY -o OPTIONS
echo "$@" >>/root/mount.efs.log
options=$(printf '%s' "$4" | tr , '\\n' | grep -vE '^(tls|iam|accesspoint=.*|region=.*)$' | paste -sd,)
exec mount.nfs4 127.0.0.1:/ "$2" -o "$options,port=20049"
`

interface World {
  readonly client: Guest
  readonly server: Guest
  readonly convoy: GuestConvoy
}

t.test('volumes on EFS, with the server of NFS 4.1 that the kernel has', options, async (t) => {
  const lab = Lab.open(t)
  const disks = [{ file: lab.blankDisk('efs', 64) }]
  const state = { file: lab.blankDisk('state', 128) }
  const [server, client] = await Promise.all([
    lab.boot('server', { address: '10.99.0.1/24', disks }),
    lab.boot('client', { address: '10.99.0.2/24', cpus: 2, memoryMib: 1024, disks: [convoyDisk(lab), state] }),
  ])
  await server.sh('mkfs.ext4 -q /dev/vdb && mount /dev/vdb /srv && rmdir /srv/lost+found')
  await server.sh("/guest/nfsd-start '/srv *(rw,insecure,no_subtree_check,no_root_squash,fsid=0)'")
  await client.sh(`mkfs.ext4 -q ${diskDevice(1)} && mkdir -p /var/lib/convoy && mount ${diskDevice(1)} /var/lib/convoy`)
  await client.sh(`echo '10.99.0.1 ${dnsName}' >>/etc/hosts`)

  await t.test('without the API it is mounted by its name in the DNS', async (t) => {
    const convoy = await GuestConvoy.start(client, 'plain', [`efs=${efs}`, 'efsendpoint=http://127.0.0.1:1'], api)
    await testPlain(t, { client, server, convoy })
  })
})

async function testPlain(t: Test, world: World): Promise<void> {
  const { client, convoy, server } = world
  await convoy.cli('create one')
  t.equal(await hold(world, 'one', 'echo data > file; cat file'), 'data')
  t.equal(await server.sh('cat /srv/one/file'), 'data')
  const mounts = await client.sh('grep " nfs4 " /proc/mounts')
  t.match(mounts, new RegExp(`^${dnsName}:/ `))
  for (const option of ['vers=4.1', 'noresvport', 'hard', 'timeo=600', 'retrans=2', 'nosuid', 'nodev']) {
    t.match(mounts, new RegExp(`[ ,]${option}[ ,]`))
  }
  t.match(await convoy.driverInfo('one'), { FileSystem: efs, TLS: 'false', MountTarget: dnsName })
  t.match(await convoy.refusal('create --opt mountoptions=tls --opt efs=fs-00000000 two'), /mount\.efs.*efs-utils/s)
  await testTls(t, world)
}

/** The file system behind a proxy on this host, which here is a server of its own. */
async function testTls(t: Test, world: World): Promise<void> {
  const { client, convoy } = world
  const other = 'fs-0fedcba9876543210'
  await client.sh(
    'mkdir -p /srv/efs && /guest/nfsd-start "/srv/efs *(rw,insecure,no_subtree_check,no_root_squash,fsid=0)"',
  )
  // The kernel's server listens on one more port, as the proxy does.
  await client.sh('rpc.nfsd 0 && echo "tcp 20049" >/proc/fs/nfsd/portlist; rpc.nfsd 4; cat /proc/fs/nfsd/portlist')
  await client.write('/sbin/mount.efs', mountHelper, 0o755)
  const way = `--opt efs=${other} --opt mountoptions=tls,iam`
  for (const name of ['three', 'four']) await convoy.cli(`create ${way} ${name}`)
  t.equal(await hold(world, 'three', 'echo tls > file; cat file'), 'tls')
  t.equal(await client.sh('cat /srv/efs/three/file'), 'tls')
  const asked = await client.sh('cat /root/mount.efs.log')
  t.match(asked, new RegExp(`^${other}:/ .*tls.*iam|^${other}:/ .*iam.*tls`))
  for (const option of [/region=eu-west-1/, /nosuid,nodev/]) t.match(asked, option)
  t.equal(asked.split('\n').length, 1, 'one mount for both')
  t.match(await client.sh('grep "^127.0.0.1:/ " /proc/mounts'), /port=20049/)
  t.match(await convoy.driverInfo('four'), { FileSystem: other, TLS: 'true' })
  await testHeld(t, world)
}

/** What only the kernel knows: a bind mount in another namespace, as a container has it. */
async function testHeld(t: Test, { client, convoy }: World): Promise<void> {
  for (const name of ['one', 'three']) {
    const path = (await convoy.cli(`mount ${name}`)).trim()
    const hold = `setsid unshare --mount --propagation private sh -c 'mount --bind ${path} /mnt && exec sleep 1000' >/dev/null 2>&1 </dev/null &`
    await client.sh(`${hold} sleep 2`)
    await convoy.cli(`umount ${name}`)
    t.match(await convoy.refusal(`delete ${name}`), /in use|mounted/, `${name} is held`)
    await client.sh('pkill -x sleep')
    await convoy.cli(`delete ${name}`)
  }
}

/** Mounts the volume as Docker would, runs a script in it, and gives it back. */
async function hold({ client, convoy }: World, volume: string, script: string): Promise<string> {
  const path = (await convoy.cli(`mount ${volume}`)).trim()
  try {
    return await client.sh(`cd ${path} && { ${script}; }`)
  } finally {
    await convoy.cli(`umount ${volume}`)
  }
}
