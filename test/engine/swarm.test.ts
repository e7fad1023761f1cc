import { engineSuite, eventually } from './harness.js'

engineSuite('a swarm of one node', (t, { engine, convoy }) => {
  const tasksRunning = async (service: string): Promise<number> => {
    const states = await engine.docker('service', 'ps', service, '--format', '{{.CurrentState}}')
    return states.split('\n').filter((state) => state.startsWith('Running')).length
  }
  const create = async (name: string, mount: string, ...flags: string[]): Promise<void> => {
    const quick = ['--detach', '--network', 'host', '--no-resolve-image', '--stop-signal', 'KILL']
    const script = 'echo $(hostname) >> /data/hosts; exec sleep 1000000'
    const command = ['busybox', 'sh', '-c', script]
    await engine.docker('service', 'create', '--name', name, ...quick, '--mount', mount, ...flags, ...command)
  }
  const onVolume = (source: string): string => `type=volume,source=${source},target=/data,volume-driver=convoy`

  t.test('the node offers the plugin once it was activated', async (t) => {
    await engine.docker('volume', 'ls', '--quiet')
    await engine.docker('swarm', 'init', '--advertise-addr', '127.0.0.1', '--listen-addr', '127.0.0.1:2377')
    await eventually('the node is ready and names the plugin', async () => {
      const node = await engine.docker('node', 'inspect', 'self', '--format', '{{json .Description.Engine.Plugins}}')
      return node.includes('"convoy"')
    })
    t.pass('it does')
  })

  t.test('a service runs on its volume, a failed task comes back on it, and service rm keeps it', async (t) => {
    const running = async (): Promise<string | undefined> =>
      (await engine.docker('ps', '--filter', 'name=db', '--quiet')).split('\n').find((id) => id !== '')
    await create('db', `${onVolume('swarmed')},volume-opt=size=1g`)
    await eventually('its task runs', async () => (await tasksRunning('db')) === 1)
    t.match((await engine.inspectVolume('swarmed')).Options, { size: '1g' })
    t.equal(await convoy.mountCount('swarmed'), 1)
    const task = await eventually('the task has a container', running)
    await engine.docker('kill', task)
    const other = await eventually('another task runs', async () => {
      const id = await running()
      return id !== task && id
    })
    t.equal((await engine.exec(other, 'cat', '/data/hosts')).split('\n').length, 2, 'both tasks wrote to it')
    await eventually('one mount counts', async () => (await convoy.mountCount('swarmed')) === 1)
    await engine.docker('service', 'rm', 'db')
    await eventually('nothing is held', async () => (await convoy.mountCount('swarmed')) === 0)
    t.equal((await convoy.plugin.get('swarmed')).Volume?.Name, 'swarmed')
  })

  t.test('three replicas on one node share the volume', async (t) => {
    await create('web', onVolume('replicated'), '--replicas', '3')
    await eventually('three tasks run', async () => (await tasksRunning('web')) === 3)
    t.equal(await convoy.mountCount('replicated'), 3)
    await engine.docker('service', 'rm', 'web')
    await eventually('nothing is held', async () => (await convoy.mountCount('replicated')) === 0)
  })

  t.test('a template in the name makes a volume per task', async (t) => {
    await create('each', onVolume('slot-{{.Task.Slot}}'), '--replicas', '2')
    await eventually('two tasks run', async () => (await tasksRunning('each')) === 2)
    const names = (await convoy.plugin.list()).map(({ Name }) => Name)
    for (const name of ['slot-1', 'slot-2']) t.ok(names.includes(name), name)
    await engine.docker('service', 'rm', 'each')
    await eventually('nothing is held', async () => (await convoy.mountCount('slot-1')) === 0)
  })
})
