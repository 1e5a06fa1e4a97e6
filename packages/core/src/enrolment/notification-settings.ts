import { day, type Duration } from '../time.ts';
import type { SecretReference } from './provider-settings.ts';

/** Conditions that last: told when they begin, again while they last, and when they are over. */
export const conditionTypes = [
  'stopped-after-failures',
  'base-drift',
  'contains-withdrawn',
  'retagged',
  'evidence-conflict',
  'discovery-failed',
  'run-overdue',
  'unobserved',
  'base-away',
] as const;

/** What happens once, and is told once. */
export const happeningTypes = [
  'rebuild-succeeded',
  'rebuild-failed',
  'emergency',
  'rollback',
  'hold',
  'release',
  'base-hold',
  'base-release',
] as const;

export const notificationTypes = [...conditionTypes, ...happeningTypes] as const;
/** From the least to the most severe. */
export const severities = ['info', 'warning', 'error'] as const;

export type ConditionType = (typeof conditionTypes)[number];
export type HappeningType = (typeof happeningTypes)[number];
export type NotificationType = ConditionType | HappeningType;
export type Severity = (typeof severities)[number];

export const severityOf: Readonly<Record<NotificationType, Severity>> = {
  'stopped-after-failures': 'error',
  'base-drift': 'error',
  'contains-withdrawn': 'error',
  retagged: 'warning',
  'evidence-conflict': 'warning',
  'discovery-failed': 'error',
  'run-overdue': 'warning',
  unobserved: 'warning',
  'base-away': 'warning',
  'rebuild-succeeded': 'info',
  'rebuild-failed': 'warning',
  emergency: 'warning',
  rollback: 'warning',
  hold: 'info',
  release: 'info',
  'base-hold': 'warning',
  'base-release': 'info',
};

interface ChannelCommon {
  readonly name: string;
  readonly events: readonly NotificationType[];
  readonly minSeverity: Severity;
  /** While a condition lasts it is told again after this time. */
  readonly remindAfter: Duration;
}

/** A webhook that takes Slack's form; its whole address is a secret. */
export interface SlackChannel extends ChannelCommon {
  readonly kind: 'slack';
  readonly address: SecretReference;
}

export interface WebhookChannel extends ChannelCommon {
  readonly kind: 'webhook';
  /** As text, or by reference where the address itself is a secret. */
  readonly address: string | SecretReference;
  /** HMAC over the body, as `sha256=<hex>` in this header. */
  readonly sign: { readonly header: string; readonly secret: SecretReference } | undefined;
}

export interface EmailChannel extends ChannelCommon {
  readonly kind: 'email';
  readonly host: string;
  readonly port: number;
  /** `starttls`: begins in the clear and insists on TLS; `tls`: from the first byte; `none`: never. */
  readonly tls: 'starttls' | 'tls' | 'none';
  readonly login: { readonly user: string; readonly password: SecretReference } | undefined;
  readonly from: string;
  readonly to: readonly string[];
}

export interface IssueChannel extends ChannelCommon {
  readonly kind: 'issue';
  readonly provider: 'github' | 'gitlab';
  /** `owner/name`; GitLab: with all groups. */
  readonly repo: string;
  /** Undefined: that of the provider. */
  readonly token: SecretReference | undefined;
  readonly labels: readonly string[];
}

export type Channel = SlackChannel | WebhookChannel | EmailChannel | IssueChannel;

export const defaultRemindAfter: Duration = 7 * day;
export const defaultSignatureHeader = 'X-Image-Factory-Signature-256';
