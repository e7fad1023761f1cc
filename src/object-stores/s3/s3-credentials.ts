import { ConvoyError, isConvoyError } from '../../errors.js'
import { readSecretFile } from '../../host/secret-file.js'
import { optional } from '../../model/optional.js'

/** As the SDK takes them. */
export interface S3Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** The profile `default` of a file like ~/.aws/credentials, which only its owner may read. Nothing of it is in any message. */
export async function readCredentials(path: string): Promise<S3Credentials> {
  const bytes = await readSecretFile(path, 'the file of S3 credentials').catch((thrown: unknown) => {
    // Of a store, "not found" would be said of an object.
    if (!isConvoyError(thrown, 'not-found')) throw thrown
    throw new ConvoyError('invalid-argument', thrown.message, { hint: 'check the path', cause: thrown.cause })
  })
  return parseCredentials(bytes.toString(), path)
}

/** `path`: for messages. Lines before the first profile count, too. */
export function parseCredentials(text: string, path: string): S3Credentials {
  const values = new Map<string, string>()
  let profile = 'default'
  for (const line of text.split(/\r?\n/)) {
    const [, name] = /^\s*\[\s*(?:profile\s+)?([^\]]*?)\s*\]\s*$/.exec(line) ?? []
    if (name !== undefined) profile = name
    const [, key, value] = /^\s*([a-z_]+)\s*=\s*(\S+)\s*$/i.exec(line) ?? []
    if (key !== undefined && value !== undefined && profile === 'default') values.set(key.toLowerCase(), value)
  }
  const [accessKeyId, secretAccessKey] = [values.get('aws_access_key_id'), values.get('aws_secret_access_key')]
  if (accessKeyId !== undefined && secretAccessKey !== undefined)
    return { accessKeyId, secretAccessKey, ...optional('sessionToken', values.get('aws_session_token')) }
  throw new ConvoyError('invalid-argument', `the file of S3 credentials ${path} has no keys in it`, {
    hint: 'lines: [default], aws_access_key_id = …, aws_secret_access_key = …',
  })
}
