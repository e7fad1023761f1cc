/**
 * The items in their order, each with what `read` makes of it, and so many of these under way at once. Whether one has failed is seen
 * by whoever waits for it.
 */
export function* readAhead<Item, Result>(
  items: Iterable<Item>,
  atOnce: number,
  read: (item: Item) => Promise<Result>,
): Generator<readonly [Item, Promise<Result>]> {
  const started: (readonly [Item, Promise<Result>])[] = []
  for (const item of items) {
    if (started.length >= atOnce) yield* started.splice(0, 1)
    const reading = read(item)
    reading.catch(() => undefined)
    started.push([item, reading])
  }
  yield* started
}
