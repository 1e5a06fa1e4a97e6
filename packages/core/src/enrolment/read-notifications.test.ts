import { describe, expect, it } from 'vitest';
import { day } from '../time.ts';
import { conditionTypes, notificationTypes } from './notification-settings.ts';
import { readConfig } from './read-config.ts';

function read(channels: string) {
  const text = `notifications:\n${channels}`;
  const files = { images: { path: 'images.yaml', text: '[]' }, imagesDir: [] };
  return readConfig({ ...files, factory: { path: 'factory.yaml', text } });
}

function channels(text: string) {
  const { config, problems } = read(text);
  expect(problems).toEqual([]);
  return config?.settings.notifications;
}

describe('notifications of factory.yaml', () => {
  it('are none where nothing is said', () => {
    const { config } = read('  []\n');
    expect(config?.settings.notifications).toEqual([]);
  });

  it('have a channel of each kind', () => {
    const read = channels(`
  - { name: team, kind: slack, secretUrl: { env: SLACK_WEBHOOK }, events: [base-drift, rollback], minSeverity: info, remindAfter: 3d }
  - { name: hook, kind: webhook, url: "https://alerts.example.com/a", sign: { secret: { file: /run/key } } }
  - name: mail
    kind: email
    host: smtp.example.com
    user: factory
    password: { env: SMTP_PASSWORD }
    from: Image Factory <factory@example.com>
    to: [a@example.com]
  - { name: tracker, kind: issue, provider: gitlab, repo: acme/team/ops, labels: [image-factory] }
`);
    const common = { events: notificationTypes, minSeverity: 'warning', remindAfter: 7 * day };
    expect(read).toEqual([
      {
        name: 'team',
        kind: 'slack',
        address: { kind: 'env', name: 'SLACK_WEBHOOK' },
        events: ['base-drift', 'rollback'],
        minSeverity: 'info',
        remindAfter: 3 * day,
      },
      {
        ...common,
        name: 'hook',
        kind: 'webhook',
        address: 'https://alerts.example.com/a',
        sign: { header: 'X-Image-Factory-Signature-256', secret: { kind: 'file', path: '/run/key' } },
      },
      {
        ...common,
        name: 'mail',
        kind: 'email',
        host: 'smtp.example.com',
        port: 587,
        tls: 'starttls',
        login: { user: 'factory', password: { kind: 'env', name: 'SMTP_PASSWORD' } },
        from: 'Image Factory <factory@example.com>',
        to: ['a@example.com'],
      },
      {
        ...common,
        name: 'tracker',
        kind: 'issue',
        events: conditionTypes,
        provider: 'gitlab',
        repo: 'acme/team/ops',
        token: undefined,
        labels: ['image-factory'],
      },
    ]);
  });

  it.each([
    ['{ kind: slack }', 'needs name and kind'],
    ['{ name: Team, kind: slack }', 'not a name of a channel'],
    ['{ name: a, kind: slack }', 'needs secretUrl'],
    ['{ name: a, kind: slack, secretUrl: { gitCredential: true } }', 'holds no addresses'],
    ['{ name: a, kind: slack, secretUrl: { env: X }, to: [a@b.c] }', 'of kind slack has no to'],
    ['{ name: a, kind: webhook }', 'needs either url or secretUrl'],
    ['{ name: a, kind: webhook, url: "https://u:p@h/" }', 'not an address'],
    ['{ name: a, kind: webhook, url: "https://h/?token=1" }', 'not an address'],
    ['{ name: a, kind: webhook, url: "https://h/", sign: {} }', 'sign needs secret'],
    [
      '{ name: a, kind: webhook, url: "https://h/", sign: { header: "a b", secret: { env: X } } }',
      'not a header',
    ],
    ['{ name: a, kind: webhook, url: "https://h/", events: [] }', 'events is empty'],
    ['{ name: a, kind: webhook, url: "https://h/", events: [base-drfit] }', 'base-drift'],
    ['{ name: a, kind: email, host: h }', 'needs host, from and to'],
    ['{ name: a, kind: email, host: h, from: "a@b\\r\\nBcc: x@y", to: [a@b] }', 'not a mail address'],
    ['{ name: a, kind: email, host: h, from: a@b, to: ["a@b, c@d"] }', 'not a mail address'],
    ['{ name: a, kind: email, host: "h:25", from: a@b, to: [a@b], user: u }', 'go together'],
    ['{ name: a, kind: email, host: "h/x", from: a@b, to: [a@b] }', 'not a host'],
    [
      '{ name: a, kind: email, host: h, tls: none, user: u, password: { env: X }, from: a@b, to: [a@b] }',
      'in the clear',
    ],
    ['{ name: a, kind: issue }', 'needs repo'],
    ['{ name: a, kind: issue, repo: acme/a/b }', 'not a repository'],
    ['{ name: a, kind: issue, repo: ../.. }', 'not a repository'],
    ['{ name: a, kind: issue, repo: acme/a, events: [rollback] }', 'happens once'],
    ['{ name: a, kind: issue, repo: acme/a, labels: ["a,b"] }', 'not a label'],
  ])('%s is refused', (channel, message) => {
    const { problems } = read(`  - ${channel}\n`);
    expect(problems.map((problem) => problem.message).join('\n')).toContain(message);
    for (const { place } of problems) expect(place?.line).toBe(2);
  });

  it('refuse a second channel of the same name', () => {
    const one = '  - { name: a, kind: issue, repo: acme/a }\n';
    expect(read(one + one).problems).toMatchObject([{ code: 'CONFIG_CONFLICT' }]);
  });

  it('do not repeat a secret that stands in the file', () => {
    const { problems } = read(
      '  - { name: a, kind: slack, secretUrl: { env: "https://hooks.slack.com/services/T/B/secret" } }\n',
    );
    expect(problems.length).toBeGreaterThan(0);
    expect(JSON.stringify(problems)).not.toContain('services/T');
  });
});
