/** The arguments of `docker run` that mount a volume of the daemon at /data, or elsewhere. */
export function onConvoy(volume: string, destination = '/data'): readonly string[] {
  return ['-v', `${volume}:${destination}`, '--volume-driver', 'convoy']
}
