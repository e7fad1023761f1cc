import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { engineSuite } from './harness.js'
import { onConvoy } from './mount-arguments.js'

/** The oldest form, the only one that takes `volume_driver` in a service. */
const version1 = `
web:
  image: busybox
  net: none
  stop_signal: KILL
  command: ["sleep", "1000000"]
  volume_driver: convoy
  volumes: ["webdata:/data"]
`

const withOptions = (size: string): string => `
services:
  db:
    image: busybox
    network_mode: none
    stop_signal: KILL
    command: ["sleep", "1000000"]
    volumes:
      - db:/data
      - {type: volume, source: ext, target: /ext, volume: {nocopy: true}}
volumes:
  db:
    driver: convoy
    driver_opts: {size: "${size}", uid: 1000}
    labels: {team: x}
  ext: {external: true, name: preexisting}
`

engineSuite('Compose', (t, { engine, convoy, namespace }) => {
  const names = async (): Promise<string[]> => (await convoy.plugin.list()).map(({ Name }) => Name)
  const project = async (name: string, file: string): Promise<string> => {
    const directory = namespace.path(name)
    await mkdir(directory, { recursive: true })
    await writeFile(`${directory}/docker-compose.yml`, file)
    return directory
  }

  t.test('1.29 with a version 1 file and volume_driver: up, write, down, up, read', async (t) => {
    const directory = await project('first', version1)
    t.match(await engine.compose1(directory, 'up', '-d'), { exitCode: 0 })
    const [container = ''] = (await engine.docker('ps', '-q')).split('\n')
    await engine.shell(container, 'echo kept > /data/f')
    t.equal(await readFile(convoy.volumePath('webdata', 'f'), 'utf8'), 'kept\n')
    t.match((await engine.inspectVolume('webdata')).Driver, 'convoy')
    t.match(await engine.compose1(directory, 'down', '-v'), { exitCode: 0 })
    t.equal(await convoy.mountCount('webdata'), 0)
    t.match(await engine.compose1(directory, 'up', '-d'), { exitCode: 0 })
    const [again = ''] = (await engine.docker('ps', '-q')).split('\n')
    t.equal(await engine.exec(again, 'cat', '/data/f'), 'kept')
    t.match(await engine.compose1(directory, 'down'), { exitCode: 0 })
  })

  for (const compose of ['compose1', 'compose5'] as const) {
    const release = compose === 'compose1' ? '1.29' : '5'
    const up = async (name: string, size: string): ReturnType<typeof engine.compose5> => {
      const file = compose === 'compose1' ? `version: "3.8"${withOptions(size)}` : withOptions(size)
      return await engine[compose](await project(name, file), 'up', '-d')
    }

    t.test(
      `${release} with driver and driver_opts: options arrive, external volumes stay, down -v removes`,
      async (t) => {
        const name = `opts${compose}`
        await engine.run('--rm', ...onConvoy('preexisting'), 'busybox', 'touch', '/data/f')
        t.match(await up(name, '1g'), { exitCode: 0 })
        const volume = await engine.inspectVolume(`${name}_db`)
        t.match(volume, { Driver: 'convoy', Options: { size: '1g', uid: '1000' }, Labels: { team: 'x' } })
        t.equal(await convoy.mountCount(`${name}_db`), 1)
        t.equal(await convoy.mountCount('preexisting'), 1)
        t.match(await engine[compose](namespace.path(name), 'down', '-v'), { exitCode: 0 })
        t.notOk((await names()).includes(`${name}_db`))
        t.ok((await names()).includes('preexisting'))
      },
    )

    t.test(`${release} notices changed driver_opts, because the engine kept the old ones`, async (t) => {
      const name = `changed${compose}`
      t.match(await up(name, '1g'), { exitCode: 0 })
      const changed = await up(name, '2g')
      t.match(`${changed.stdout}${changed.stderr}`, /"size" driver_opt|configuration|Recreate|recreat|doesn't match/)
      t.match((await engine.inspectVolume(`${name}_db`)).Options, { size: '1g' })
      await engine[compose](namespace.path(name), 'down', '-v')
    })
  }
})
