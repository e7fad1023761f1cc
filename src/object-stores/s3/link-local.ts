import { lookup as lookUp } from 'node:dns'
import { BlockList, isIP, type LookupFunction } from 'node:net'

const linkLocal = new BlockList()
linkLocal.addSubnet('169.254.0.0', 16)
linkLocal.addSubnet('fe80::', 10, 'ipv6')
// Where an instance of EC2 asks for its credentials by IPv6.
linkLocal.addAddress('fd00:ec2::254', 'ipv6')

/** Whether it is an address of this network link alone: there are the credentials of cloud instances, and never an object store. */
export function isLinkLocal(host: string): boolean {
  const family = isIP(host)
  return family !== 0 && linkLocal.check(host, family === 6 ? 'ipv6' : 'ipv4')
}

/** Looks a name up, for a connection that goes to what was found here; a name that leads to this link alone leads nowhere. */
export const lookUpRemote: LookupFunction = (hostname, options, callback) => {
  lookUp(hostname, options, (error, address, family) => {
    const found = error !== null ? [] : typeof address === 'string' ? [address] : address.map((one) => one.address)
    callback(found.some(isLinkLocal) ? refusal(hostname) : error, address, family)
  })
}

const refusal = (hostname: string): NodeJS.ErrnoException =>
  Object.assign(new Error(`${hostname} leads to a link-local address`), { code: linkLocalCode })

/** Of the error for a name that leads there. */
export const linkLocalCode = 'ELINKLOCAL'
