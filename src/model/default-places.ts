/** Where a daemon is found, and keeps what is its own. Option → path. */
export type Places = Readonly<Record<'config' | 'root' | 'socket' | 'plugin-socket', string>>

/** Where Convoy's older agents had the control socket; the `.spec` files of their hosts lead there. */
export const oldControlSocket = (name: string) => `/var/run/convoy-${name}.sock`

/** Those of a plugin name, where nobody says otherwise: daemons of different names are not in each other's way. */
export function defaultPlaces(name: string): Places {
  return {
    config: `/etc/convoy/${name}.yaml`,
    root: name === 'convoy' ? '/var/lib/convoy' : `/var/lib/convoy-${name}`,
    socket: `/var/run/convoy/${name}.sock`,
    'plugin-socket': `/run/docker/plugins/${name}.sock`,
  }
}
