import type { DeadMount } from '../host/dead-mounts.js'
import type { DiskSpace } from '../host/disk-space.js'
import type { DockerFacts, DockerVolume, RunningContainer, StoppedContainer } from '../host/docker-engine.js'
import type { Propagation } from '../host/mount-propagation.js'
import type { PluginFile } from '../host/plugin-files.js'
import type { SocketState } from '../host/sockets.js'
import type { DaemonView } from './daemon-view.js'

/** Docker, as far as a check looks at it. Every call ends; ConvoyError `unavailable`. */
export interface DockerView {
  facts(): Promise<DockerFacts>
  listVolumes(): Promise<readonly DockerVolume[]>
  listStopped(): Promise<readonly StoppedContainer[]>
  listRunning(): Promise<readonly RunningContainer[]>
  start(container: string): Promise<void>
}

/** This host, as far as a check looks at it. Every call ends. */
export interface HostView {
  /** The files by which Docker finds plugins. */
  pluginFiles(): readonly PluginFile[]
  probeSocket(path: string): Promise<SocketState>
  diskSpace(path: string): Promise<DiskSpace>
  /** Mounts of the shares at these paths that lead nowhere, in containers and elsewhere. */
  deadMounts(paths: readonly string[]): Promise<readonly DeadMount[]>
  /** How mounts that the process makes below the path reach Docker; undefined when that cannot be seen. */
  propagation(path: string, pid: number): Propagation | undefined
  /** Undefined where nobody knows. */
  isClockSynchronised(): Promise<boolean | undefined>
  /** Whether systemd runs here and knows the unit. */
  hasUnit(name: string): boolean
  /** Removes a socket, if nobody listens on it. */
  removeDeadSocket(path: string): Promise<void>
  /** Gives the file another name, by which Docker does not find it. */
  setAside(path: string): void
  /** Writes a file that is not there yet. */
  writeNew(path: string, text: string): void
}

/** What the checks look at. */
export interface Site {
  readonly now: Date
  readonly daemon: DaemonView
  readonly docker: DockerView
  readonly host: HostView
}
