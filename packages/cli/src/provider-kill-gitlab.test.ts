import { describeExactlyOnce } from './testing/test-exactly-once.ts';
import { gitlabUnderTest } from './testing/test-provider-forges.ts';

describeExactlyOnce('GitLab', gitlabUnderTest('inputs'), { schedules: 700, perVariant: 40, perLack: 80 });
describeExactlyOnce('GitLab with variables', gitlabUnderTest('variables'), {
  schedules: 300,
  perVariant: 40,
  perLack: 80,
});
