import { describeExactlyOnce } from './testing/exactly-once.ts';
import { githubUnderTest } from './testing/provider-github.ts';

describeExactlyOnce('GitHub', githubUnderTest(true), { schedules: 1000, perVariant: 60, perLack: 120 });
