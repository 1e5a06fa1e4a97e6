import { describeExactlyOnce } from './testing/test-exactly-once.ts';
import { githubUnderTest } from './testing/test-provider-github.ts';

describeExactlyOnce('GitHub', githubUnderTest(true), { schedules: 1000, perVariant: 60, perLack: 120 });
