import { describeExactlyOnce } from './testing/test-exactly-once.ts';
import { giteaUnderTest } from './testing/test-provider-forges.ts';

// Older servers do not say which run they made, newer ones do.
describeExactlyOnce('Gitea', giteaUnderTest('gitea', true), { schedules: 700, perVariant: 40, perLack: 80 });
describeExactlyOnce('Gitea that answers 204', giteaUnderTest('gitea', false), {
  schedules: 300,
  perVariant: 40,
  perLack: 80,
});
