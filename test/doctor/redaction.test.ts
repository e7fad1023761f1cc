import t from 'tap'
import { redactJson, redactText } from '../../src/doctor/redaction.js'

const secret = 'hunter2Hunter2'

for (const text of [
  `password=${secret}`,
  `AWS_SECRET_ACCESS_KEY=${secret} next`,
  `s3.secret-key: '${secret}'`,
  `{"token":"${secret}"}`,
  `{"msg":"{\\"apiKey\\":\\"${secret}\\"}"}`,
  `mount -o username=me,password=${secret},vers=3 //server/share`,
  `https://me:${secret}@example.org/x`,
  `Authorization: Bearer ${secret}`,
  `authorization: AWS4-HMAC-SHA256 ${secret}`,
  `"passphrase" : "a \\"quoted\\" ${secret}"`,
  `-----BEGIN RSA PRIVATE KEY-----\n${secret}\n-----END RSA PRIVATE KEY-----`,
  `-----BEGIN PRIVATE KEY-----\n${secret}`,
  'AKIAIOSFODNN7EXAMPLE',
])
  t.test(`no secret is left of ${JSON.stringify(text.slice(0, 40))}`, async (t) => {
    t.notMatch(redactText(text), secret)
    t.notMatch(redactText(text), 'AKIAIOSFODNN7')
    t.match(redactText(text), '(removed)')
  })

t.test('what is no secret stays as it is', async (t) => {
  for (const text of [
    '{"level":30,"time":"2026-11-20T12:00:00.000Z","name":"convoy","msg":"ready"}',
    'the key of a volume; tokens; secrets are removed',
    'unix:///run/docker/plugins/convoy.sock',
    '36 35 98:0 / /mnt rw,noatime shared:1 - ext4 /dev/root rw,errors=continue',
  ])
    t.equal(redactText(text), text)
})

t.test('a value goes by the name of its field, and by the name of the option that it is of', async (t) => {
  const redacted = redactJson({
    options: [
      { name: 's3.secret', value: secret, source: 'file', overrides: [{ value: secret, source: 'x' }] },
      { name: 'notify.ops.command', value: `/bin/tell ${secret}`, source: 'file', overrides: [] },
      { name: 'jobs', value: '2', source: 'file', overrides: [] },
    ],
    volume: { key: secret, deep: [{ encryptionKey: { a: secret } }], size: 5, nothing: null },
  })
  t.notMatch(JSON.stringify(redacted), secret)
  t.match(redacted, {
    options: [
      { name: 's3.secret', value: '(removed)', source: 'file' },
      { name: 'notify.ops.command', value: '(removed)' },
      { name: 'jobs', value: '2', overrides: [] },
    ],
    volume: { key: '(removed)', size: 5, nothing: null },
  })
})
