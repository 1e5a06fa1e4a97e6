import { addProblem, looksSecret, shown, within, type Scope } from './findings.ts';
import {
  conditionTypes,
  defaultRemindAfter,
  defaultSignatureHeader,
  notificationTypes,
  type Channel,
  type EmailChannel,
  type IssueChannel,
  type NotificationType,
} from './notification-settings.ts';
import type { NotificationsShape } from './notifications-schema.ts';
import { hasControlCharacter } from './read-path.ts';
import { readSecret } from './read-secret.ts';
import { readDuration } from './read-shared.ts';
import { readLine } from './read-source.ts';
import type { SecretReference } from './provider-settings.ts';

type ChannelShape = NotificationsShape[number];
type Kind = Channel['kind'];

const commonKeys = ['name', 'kind', 'events', 'minSeverity', 'remindAfter'] as const;
const keysOf: Readonly<Record<Kind, readonly (keyof ChannelShape)[]>> = {
  slack: ['secretUrl'],
  webhook: ['url', 'secretUrl', 'sign'],
  email: ['host', 'port', 'tls', 'user', 'password', 'from', 'to'],
  issue: ['provider', 'repo', 'token', 'labels'],
};
const examples: Readonly<Record<Kind, string>> = {
  slack: 'Example: { name: team, kind: slack, secretUrl: { env: SLACK_WEBHOOK } }.',
  webhook: 'Example: { name: alerts, kind: webhook, url: https://alerts.example.com/factory }.',
  email:
    'Example: { name: mail, kind: email, host: smtp.example.com, from: a@example.com, to: [b@example.com] }.',
  issue: 'Example: { name: tracker, kind: issue, repo: acme/platform }.',
};
const mostChannels = 50;

/** The settings `notifications` of factory.yaml; what is wrong has been reported and is left out. */
export function readNotifications(shape: NotificationsShape | undefined, scope: Scope): readonly Channel[] {
  const channels: Channel[] = [];
  if ((shape?.length ?? 0) > mostChannels)
    addProblem(scope, 'CONFIG_INVALID_VALUE', `more than ${mostChannels} channels`, 'Remove some.', 'key');
  for (const [index, each] of (shape ?? []).slice(0, mostChannels).entries()) {
    const here = within(scope, index);
    const channel = readChannel(each, here);
    if (!channel) continue;
    if (channels.some(({ name }) => name === channel.name))
      conflict(
        within(here, 'name'),
        `the channel ${shown(channel.name)} is written twice`,
        'Rename one of the two.',
      );
    else channels.push(channel);
  }
  return channels;
}

function readChannel(shape: ChannelShape, scope: Scope): Channel | undefined {
  const { kind } = shape;
  if (kind === undefined || shape.name === undefined) {
    return conflict(scope, 'a channel needs name and kind', examples[kind ?? 'slack']);
  }
  if (!/^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/.test(shape.name)) {
    return invalid(
      within(scope, 'name'),
      `${shown(shape.name)} is not a name of a channel`,
      'Use at most 40 lower-case letters, digits and "-", with a letter or digit at both ends.',
    );
  }
  const known: readonly string[] = [...commonKeys, ...keysOf[kind]];
  for (const key of Object.keys(shape)) {
    if (!known.includes(key))
      conflict(within(scope, key), `a channel of kind ${kind} has no ${key}`, examples[kind]);
  }
  const common = {
    name: shape.name,
    events: readEvents(shape, kind, scope),
    minSeverity: shape.minSeverity ?? 'warning',
    remindAfter: readDuration(shape.remindAfter, scope, 'remindAfter') ?? defaultRemindAfter,
  } as const;
  switch (kind) {
    case 'slack': {
      const address = readSecretUrl(shape, scope);
      return address
        ? { ...common, kind, address }
        : conflict(scope, 'a slack channel needs secretUrl', examples[kind]);
    }
    case 'webhook': {
      if ((shape.url === undefined) === (shape.secretUrl === undefined))
        return conflict(scope, 'a webhook channel needs either url or secretUrl', examples[kind]);
      const address =
        shape.url === undefined ? readSecretUrl(shape, scope) : readUrl(shape.url, within(scope, 'url'));
      return address === undefined
        ? undefined
        : { ...common, kind, address, sign: readSign(shape.sign, within(scope, 'sign')) };
    }
    case 'email':
      return readEmail(shape, common, scope);
    case 'issue':
      return readIssue(shape, common, scope);
  }
}

type Common = Pick<Channel, 'name' | 'events' | 'minSeverity' | 'remindAfter'>;

function readEvents({ events }: ChannelShape, kind: Kind, scope: Scope): readonly NotificationType[] {
  const lasting: readonly NotificationType[] = conditionTypes;
  const possible = kind === 'issue' ? lasting : notificationTypes;
  if (events === undefined) return possible;
  for (const [index, type] of events.entries()) {
    if (!possible.includes(type))
      invalid(
        within(scope, 'events', index),
        `${type} happens once: there is no issue to close`,
        `Possible: ${lasting.join(', ')}.`,
      );
  }
  if (events.length === 0)
    invalid(within(scope, 'events'), 'events is empty', 'Name some, or remove the key.');
  return [...new Set(events)];
}

function readSecretUrl({ secretUrl }: ChannelShape, scope: Scope): SecretReference | undefined {
  const here = within(scope, 'secretUrl');
  const reference = readSecret(secretUrl, here);
  if (reference?.kind !== 'git-credential') return reference;
  return invalid(here, 'git credential holds no addresses', 'Name a variable (env) or a file.');
}

/** The query may hold a key: it is refused, so that none stands in git. */
function readUrl(written: string, scope: Scope): string | undefined {
  if (
    /^https?:\/\/[^\s/?#@]+(?:\/[^\s?#]*)?$/i.test(written) &&
    !looksSecret(written) &&
    URL.canParse(written)
  )
    return written;
  return invalid(
    scope,
    `url ${shown(written)} is not an address without user name and query`,
    'Write https://host/path; an address that holds a secret is named under secretUrl.',
  );
}

function readSign(shape: ChannelShape['sign'], scope: Scope) {
  if (!shape) return undefined;
  const header = shape.header ?? defaultSignatureHeader;
  if (!/^[A-Za-z0-9-]{1,100}$/.test(header))
    return invalid(
      within(scope, 'header'),
      `${shown(header)} is not a header that can be sent`,
      'Write a name such as X-Signature-256.',
    );
  const key = readSecret(shape.secret, within(scope, 'secret'));
  return key
    ? { header, secret: key }
    : conflict(scope, 'sign needs secret', 'Example: sign: { secret: { env: HOOK_KEY } }.');
}

function readEmail(shape: ChannelShape, common: Common, scope: Scope): EmailChannel | undefined {
  const host = readLine(shape.host, scope, 'host');
  const to = (shape.to ?? []).flatMap((each, index) => readMailbox(each, within(scope, 'to', index)) ?? []);
  const from = shape.from === undefined ? undefined : readMailbox(shape.from, within(scope, 'from'));
  if (shape.host === undefined || shape.from === undefined || !shape.to?.length)
    return conflict(scope, 'an email channel needs host, from and to', examples.email);
  if (host === undefined || from === undefined || to.length === 0) return undefined;
  if (!/^[A-Za-z0-9.:_[\]-]{1,253}$/.test(host))
    return invalid(
      within(scope, 'host'),
      `${shown(host)} is not a host`,
      'Write its name without port: smtp.example.com.',
    );
  if ((shape.user === undefined) !== (shape.password === undefined))
    return conflict(
      scope,
      'user and password go together',
      'Example: user: factory, password: { env: SMTP_PASSWORD }.',
    );
  const tls = shape.tls ?? 'starttls';
  const user = readLine(shape.user, scope, 'user');
  const password = readSecret(shape.password, within(scope, 'password'));
  if (user !== undefined && password && tls === 'none' && !/^(?:localhost|127\.[\d.]+|\[?::1\]?)$/.test(host))
    return conflict(
      within(scope, 'tls'),
      'a password is not sent in the clear',
      'Use tls: starttls or tls: tls.',
    );
  return {
    ...common,
    kind: 'email',
    host,
    port: shape.port ?? (tls === 'tls' ? 465 : 587),
    tls,
    login: user !== undefined && password ? { user, password } : undefined,
    from,
    to,
  };
}

/** An address alone, or a name before it: what could begin another header or recipient is refused. */
function readMailbox(written: string, scope: Scope): string | undefined {
  const address = /^(?:[^<>@,;:"\\()]{1,100} )?<([^<>]+)>$/.exec(written)?.[1] ?? written;
  if (/^[^\s@<>,;:"\\()]{1,64}@[^\s@<>,;:"\\()]{1,190}$/.test(address) && !hasControlCharacter(written))
    return written;
  return invalid(scope, `${shown(written)} is not a mail address`, 'Write name@host, or Name <name@host>.');
}

function readIssue(shape: ChannelShape, common: Common, scope: Scope): IssueChannel | undefined {
  const provider = shape.provider ?? 'github';
  const { repo } = shape;
  if (repo === undefined) return conflict(scope, 'an issue channel needs repo', examples.issue);
  const form = provider === 'github' ? /^[\w.-]+\/[\w.-]+$/ : /^[\w.-]+(?:\/[\w.-]+){1,20}$/;
  if (!form.test(repo) || repo.length > 300 || repo.split('/').some((part) => /^\.+$/.test(part)))
    return invalid(
      within(scope, 'repo'),
      `repo ${shown(repo)} is not a repository`,
      'Write owner/name, without the address of the server.',
    );
  const labels = (shape.labels ?? []).filter((label, index) => {
    if (label.length > 0 && label.length <= 50 && !label.includes(',') && !hasControlCharacter(label))
      return true;
    invalid(
      within(scope, 'labels', index),
      `${shown(label)} is not a label`,
      'Write up to 50 characters without commas.',
    );
    return false;
  });
  return {
    ...common,
    kind: 'issue',
    provider,
    repo,
    token: readSecret(shape.token, within(scope, 'token')),
    labels,
  };
}

function invalid(scope: Scope, message: string, hint: string): undefined {
  addProblem(scope, 'CONFIG_INVALID_VALUE', message, hint);
}

function conflict(scope: Scope, message: string, hint: string): undefined {
  addProblem(scope, 'CONFIG_CONFLICT', message, hint, 'key');
}
