// Loaded into the daemon with NODE_OPTIONS=--import: its clock runs ahead by CONVOY_TEST_AHEAD_MS, so that a test need not
// wait for what takes minutes.
const aheadMs = Number(process.env['CONVOY_TEST_AHEAD_MS'])

globalThis.Date = new Proxy(Date, {
  construct: (target, given: readonly unknown[]): Date =>
    given.length === 0
      ? new target(target.now() + aheadMs)
      : // Whatever new Date() was given goes on as it is.
        (Reflect.construct(target, given) as Date),
  get: (target, property, receiver): unknown =>
    property === 'now' ? () => target.now() + aheadMs : Reflect.get(target, property, receiver),
})
