import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** What differs in the units of a daemon with a name of its own: the text of convoy's → that of `convoy@NAME`. */
const replacements: Readonly<Record<string, string>> = {
  'volumes for Docker\n': 'volumes for Docker (%i)\n',
  '/run/docker/plugins/convoy.sock': '/run/docker/plugins/%i.sock',
  '/run/convoy/convoy.sock': '/run/convoy/%i.sock',
  'convoy.socket': 'convoy@%i.socket',
  'convoy.cjs daemon\n': 'convoy.cjs daemon --name %i\n',
  '/etc/convoy/convoy.env': '/etc/convoy/%i.env',
  'RequiresMountsFor=/var/lib/convoy': 'RequiresMountsFor=/var/lib/convoy-%i',
  'systemctl edit convoy': 'systemctl edit convoy@NAME',
}

/** The template unit that is made of `systemd/convoy.socket` or `.service`. */
export function templateOf(name: 'convoy.socket' | 'convoy.service'): string {
  const text = readFileSync(fileURLToPath(new URL(`../../systemd/${name}`, import.meta.url)), 'utf8')
  const made = Object.entries(replacements).reduce((unit, [own, general]) => unit.replaceAll(own, general), text)
  return `# For one more plugin name: systemctl enable --now convoy@NAME.socket. Made of ${name} by "npm run docs"; do not edit.\n${made}`
}
