import { describeExactlyOnce } from './testing/exactly-once.ts';
import { giteaUnderTest } from './testing/provider-forges.ts';

describeExactlyOnce('Forgejo', giteaUnderTest('forgejo', true), {
  schedules: 1000,
  perVariant: 40,
  perLack: 80,
});
