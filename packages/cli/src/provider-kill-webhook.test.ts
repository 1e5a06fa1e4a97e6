import { describeExactlyOnce } from './testing/test-exactly-once.ts';
import { webhookUnderTest } from './testing/test-provider-forges.ts';

describeExactlyOnce('a webhook', webhookUnderTest, { schedules: 1000, perVariant: 40, perLack: 80 });
