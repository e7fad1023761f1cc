/** What EC2 answers instead of doing something: its code, its words, and the status of HTTP. */
export class Ec2Failure extends Error {
  override readonly name = 'Ec2Failure'
  readonly code: string
  readonly status: number

  constructor(code: string, message: string, status = 400) {
    super(message)
    this.code = code
    this.status = status
  }
}

export const noSuchVolume = (id: string): Ec2Failure =>
  new Ec2Failure('InvalidVolume.NotFound', `The volume '${id}' does not exist.`)

export const noSuchInstance = (id: string): Ec2Failure =>
  new Ec2Failure('InvalidInstanceID.NotFound', `The instance ID '${id}' does not exist`)

export const invalidValue = (message: string): Ec2Failure => new Ec2Failure('InvalidParameterValue', message)

export const missing = (parameter: string): Ec2Failure =>
  new Ec2Failure('MissingParameter', `The request must contain the parameter ${parameter}`)
