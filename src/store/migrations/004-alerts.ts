/** No table changes, but settings may have a key from now on that older programs take for damage: they have to know that it is newer. */
export const alerts = `
UPDATE settings SET value = value WHERE key = 'alerts';
`
