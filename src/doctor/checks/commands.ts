import type { HostView } from '../site.js'

/** How the daemon is started on this host. */
export function startDaemon(host: Pick<HostView, 'hasUnit'>): string {
  return host.hasUnit('convoy.service') ? 'sudo systemctl start convoy' : 'sudo convoy daemon'
}

/** How the daemon that runs is replaced by a new one; no container notices. */
export function restartDaemon(host: Pick<HostView, 'hasUnit'>, pid: number | string): string {
  if (host.hasUnit('convoy.service')) return 'sudo systemctl restart convoy'
  return `sudo kill ${pid} && sudo convoy daemon`
}

/** A word as a shell takes it. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}
