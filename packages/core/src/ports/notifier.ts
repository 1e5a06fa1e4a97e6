import type { NotificationType, Severity } from '../enrolment/notification-settings.ts';
import type { Instant } from '../time.ts';

/** One piece of news for people. Every text in it may come from outside: channels escape it for where it goes. */
export interface Message {
  /** The same for the same news, so that who is told twice can tell. */
  readonly id: string;
  /** The same for everything that is said of one condition from its beginning to its end. */
  readonly thread: string;
  /** `raised`, `still` and `resolved` are of conditions; `happened` of what happens once; `test` of nothing. */
  readonly phase: 'raised' | 'still' | 'resolved' | 'happened' | 'test';
  readonly type: NotificationType | 'test';
  readonly severity: Severity;
  readonly at: Instant;
  /** One line. */
  readonly title: string;
  readonly image?: string;
  readonly base?: string;
  readonly owner?: string;
  /** When the condition began. */
  readonly since?: Instant;
  /** How often it failed. */
  readonly times?: number;
  readonly error?: string;
  readonly log?: string;
  /** When it is tried again, or why not. */
  readonly next?: string;
  /** What a person can do. */
  readonly advice?: string;
  /** The issue that the channel keeps for the condition, where it said so. */
  readonly issue?: string;
}

/** One channel, and what stands behind it. */
export interface Notifier {
  /**
   * Tells messages in their order and says of each, as soon as it is so, that it arrived; `issue` is what later messages
   * of the same thread are given back. Throws a FactoryError where one does not arrive; what was told stays told.
   */
  tell(
    messages: readonly Message[],
    told: (message: Message, issue?: string) => void,
    signal: AbortSignal,
  ): Promise<void>;
  /** Is what factory.yaml says of it usable, secrets included? Throws a FactoryError; nobody is told anything. */
  check(signal: AbortSignal): Promise<void>;
}

/** Channels by name, opened when there is something to tell. */
export interface Notifiers {
  open(channel: string): Promise<Notifier | undefined>;
}
