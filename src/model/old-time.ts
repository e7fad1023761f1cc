const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** `Fri Nov 20 07:29:55 +0000 2026`: what scripts for Convoy 0.5 parse. */
export function formatTime(time: Date): string {
  const clock = time.toISOString().slice(11, 19)
  const day = String(time.getUTCDate()).padStart(2, '0')
  return `${days[time.getUTCDay()] ?? ''} ${months[time.getUTCMonth()] ?? ''} ${day} ${clock} +0000 ${time.getUTCFullYear()}`
}
