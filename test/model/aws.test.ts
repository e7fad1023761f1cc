import t from 'tap'
import { endpointOf, parseRegion } from '../../src/model/aws.js'

t.test('regions of every kind are taken, and what only looks like one is not', async (t) => {
  for (const region of ['eu-west-1', 'us-gov-east-1', 'ap-southeast-10', 'us-iso-east-1']) {
    t.equal(parseRegion(region), region)
  }
  for (const text of ['', 'eu-west', 'eu-west-1a', 'EU-WEST-1', 'eu-west-1\n', 'x-1', '169.254.169.254/eu-west-1']) {
    t.throws(() => parseRegion(text), { code: 'invalid-argument', hint: /eu-west-1/ }, text)
  }
})

t.test('the address of an API is one of HTTP, and the example is of the service', async (t) => {
  const parse = endpointOf('ec2')
  for (const url of [
    'http://127.0.0.1:4566',
    'https://vpce-0123.ec2.eu-west-1.vpce.amazonaws.com/path',
    'http://[::1]:80',
  ]) {
    t.equal(parse(url), url)
  }
  for (const text of [
    'ec2',
    'ftp://host',
    'http://user:secret@host',
    'http://host?x=1',
    'http://host#x',
    'http://',
    'http://a b',
  ]) {
    t.throws(() => parse(text), { code: 'invalid-argument', hint: /vpce-0123\.ec2\./ }, text)
  }
})
