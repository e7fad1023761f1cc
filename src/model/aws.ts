import { ConvoyError } from '../errors.js'

/** `eu-west-1` */
export function parseRegion(text: string): string {
  if (/^[a-z]{2,3}(?:-[a-z]+)+-\d{1,2}$/.test(text)) return text
  throw new ConvoyError('invalid-argument', `${JSON.stringify(text.slice(0, 60))} is not a region`, {
    hint: 'for example eu-west-1',
  })
}

/** A parser of addresses of an API that AWS calls so: `ec2`. */
export function endpointOf(service: string): (text: string) => string {
  return (text) => {
    if (/^https?:\/\/[A-Za-z0-9.:[\]-]+(?:\/[A-Za-z0-9./_-]*)?$/.test(text) && URL.canParse(text)) return text
    throw new ConvoyError('invalid-argument', `${JSON.stringify(text.slice(0, 100))} is not the address of an API`, {
      hint: `for example https://vpce-0123.${service}.eu-west-1.vpce.amazonaws.com`,
    })
  }
}
