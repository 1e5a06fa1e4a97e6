import { z } from 'zod';
import { notificationTypes, severities } from './notification-settings.ts';
import { secret } from './providers-schema.ts';
import { count, duration, oneOf, text, texts } from './schema-parts.ts';

export const notificationsShape = z
  .array(
    z.strictObject({
      name: text({ description: 'Name of the channel; the state remembers by it what was told.' }),
      kind: oneOf(['slack', 'webhook', 'email', 'issue'], { description: 'How it is told.' }),
      events: z
        .array(z.enum(notificationTypes))
        .meta({ description: 'What is told. Default: everything; with `issue` everything that lasts.' })
        .optional(),
      minSeverity: oneOf(severities, { description: 'Nothing less severe is told.', default: 'warning' }),
      remindAfter: duration({ description: 'What lasts is told again after this time.', default: '7d' }),
      url: text({
        description: '`webhook`: address that takes a POST.',
        examples: ['https://alerts.example.com/hooks/factory'],
      }),
      secretUrl: secret('`slack`, `webhook`: the address, by reference (`env` or `file`).'),
      sign: z
        .strictObject({
          header: text({
            description: 'Header that carries the signature.',
            default: 'X-Image-Factory-Signature-256',
          }),
          secret: secret('Key of the HMAC, by reference.'),
        })
        .meta({ description: '`webhook`: signs the body with HMAC-SHA256.' })
        .optional(),
      host: text({ description: '`email`: SMTP server.', examples: ['smtp.example.com'] }),
      port: count({ description: '`email`: its port. Default: 587; with `tls: tls` 465.' }, 1, 65_535),
      tls: oneOf(['starttls', 'tls', 'none'], {
        description:
          '`email`: `starttls` begins in the clear and insists on TLS, `tls` uses it from the first byte, `none` never.',
        default: 'starttls',
      }),
      user: text({ description: '`email`: user name, where the server asks for one.' }),
      password: secret('`email`: its password, by reference.'),
      from: text({ description: '`email`: address of the sender.', examples: ['factory@example.com'] }),
      to: texts({
        description: '`email`: addresses of those who are told.',
        examples: [['team@example.com']],
      }),
      provider: oneOf(['github', 'gitlab'], {
        description: '`issue`: where issues are kept; its address is that of `providers`.',
        default: 'github',
      }),
      repo: text({ description: '`issue`: repository of the issues.', examples: ['acme/platform'] }),
      token: secret('`issue`: token, by reference. Default: the credential of the provider.'),
      labels: texts({ description: '`issue`: labels of new issues.', default: [] }),
    }),
  )
  .meta({
    title: 'list of channels',
    description: 'Who is told what: see [Notifications](notifications.md). Secrets by reference only.',
    default: [],
  });

export type NotificationsShape = z.infer<typeof notificationsShape>;
