import { ConvoyError } from '../errors.js'
import { writeArchive } from '../host/archive.js'
import { findDeadMounts } from '../host/dead-mounts.js'
import { readDiskSpace } from '../host/disk-space.js'
import { DockerEngine } from '../host/docker-engine.js'
import { readTail } from '../host/file-tail.js'
import { propagationOf, readDockerViews, readMountView } from '../host/mount-propagation.js'
import { removeDeadSocket, setAside, writeNew } from '../host/plugin-file-changes.js'
import { listPluginFiles } from '../host/plugin-files.js'
import { hasUnit, isClockSynchronised, readJournal } from '../host/systemd.js'
import { probeSocket } from '../host/sockets.js'
import { kernelVersion, readMountInfo, thisMoment } from '../host/this-host.js'
import type { ConfigReport } from '../model/config-report.js'
import type { DatabaseDescription } from '../model/database-description.js'
import { checks } from './checks.js'
import { type ControlSource, type DaemonAddress, DaemonView } from './daemon-view.js'
import { Doctor } from './doctor.js'
import type { DockerView, HostView } from './site.js'
import { packSupport, type SupportDeps } from './support.js'

/** What stands in for a daemon that does not run. */
export interface StoppedDaemon {
  /** What it would do if it were started now. ConvoyError `invalid-argument` when that is wrong. */
  readonly readConfig: () => Promise<ConfigReport>
  /** ConvoyError `unavailable`. */
  readonly describeDatabase: (root: string) => Promise<DatabaseDescription>
}

export interface DoctorSetup {
  readonly source: ControlSource
  readonly which: DaemonAddress
  /** Of this program. */
  readonly version: string
  readonly stopped: StoppedDaemon
}

/** The doctor of this host. */
export function openDoctor(setup: DoctorSetup): Doctor {
  const { source, which, stopped } = setup
  const view = () => new DaemonView(source, stopped.readConfig)
  return new Doctor({
    checks,
    which,
    openSite: () => ({ now: thisMoment(), daemon: view(), docker: remembering(new DockerEngine()), host: thisHost }),
    pack: (outcomes, target) => packSupport(supportDeps(setup, view()), outcomes, target),
  })
}

/** A share that hangs does not answer later either. */
const diskTimeoutMs = 10_000

const thisHost: HostView = {
  pluginFiles: listPluginFiles,
  probeSocket,
  diskSpace: (path) => readDiskSpace(path, diskTimeoutMs),
  deadMounts: (paths) => findDeadMounts(paths),
  propagation: (path, pid) => {
    const daemon = readMountView(pid)
    return daemon === undefined ? undefined : propagationOf(path, daemon, readDockerViews())
  },
  isClockSynchronised,
  hasUnit,
  removeDeadSocket,
  setAside,
  writeNew,
}

/** Listing volumes makes Docker use its plugins, which changes what it says of them: every check hears what it said before. */
function remembering(docker: DockerEngine): DockerView {
  let facts: ReturnType<DockerEngine['facts']> | undefined
  return {
    facts: () => (facts ??= docker.facts()),
    listVolumes: () => docker.listVolumes(),
    listStopped: () => docker.listStopped(),
    listRunning: () => docker.listRunning(),
    start: (container) => docker.start(container),
  }
}

const mostLogBytes = 1024 * 1024
const mostLogLines = 2000

function supportDeps({ source, version, stopped }: DoctorSetup, daemon: DaemonView): SupportDeps {
  return {
    source,
    daemon,
    versions: async () => ({
      convoy: version,
      node: process.version,
      kernel: kernelVersion(),
      ...(await others(daemon)),
    }),
    mountInfo: readMountInfo,
    pluginFiles: listPluginFiles,
    describeDatabase: stopped.describeDatabase,
    readLog: async (file) => {
      const text = file === undefined ? await readJournal('convoy', mostLogLines) : readTail(file, mostLogBytes)
      if (text !== undefined) return text
      throw new ConvoyError('not-found', 'there is no log file (--log) and no journal of convoy')
    },
    write: writeArchive,
  }
}

/** Of whoever answers. */
async function others(daemon: DaemonView): Promise<Readonly<Record<string, string>>> {
  const absent = () => 'does not answer'
  const [own, docker] = await Promise.all([
    daemon.get('/v1/info').then(({ General }) => String(General['Version']), absent),
    new DockerEngine().facts().then(({ version }) => version, absent),
  ])
  return { daemon: own, docker }
}
