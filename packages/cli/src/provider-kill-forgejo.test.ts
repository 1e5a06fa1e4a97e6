import { describeExactlyOnce } from './testing/test-exactly-once.ts';
import { giteaUnderTest } from './testing/test-provider-forges.ts';

describeExactlyOnce('Forgejo', giteaUnderTest('forgejo', true), {
  schedules: 1000,
  perVariant: 40,
  perLack: 80,
});
