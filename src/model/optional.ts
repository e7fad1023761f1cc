/** `{ key: value }`, or nothing when the value is undefined: for properties that must be absent rather than undefined. */
export function optional<Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): Readonly<Partial<Record<Key, Value>>> {
  // The computed key is `Key`; TypeScript widens it to string.
  return (value === undefined ? {} : { [key]: value }) as Partial<Record<Key, Value>>
}
