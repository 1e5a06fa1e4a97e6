/** What doctor found of one thing. */
export interface Finding {
  readonly check:
    | 'git'
    | 'configuration'
    | 'state'
    | 'cache'
    | 'builder'
    | 'provider'
    | 'channel'
    | 'source'
    | 'registry'
    | 'clock'
    | 'token';
  readonly state: 'good' | 'odd' | 'bad';
  readonly what: string;
  /** What a person can do about it. */
  readonly mend?: string;
}
