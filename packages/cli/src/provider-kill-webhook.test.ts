import { describeExactlyOnce } from './testing/exactly-once.ts';
import { webhookUnderTest } from './testing/provider-forges.ts';

describeExactlyOnce('a webhook', webhookUnderTest, { schedules: 1000, perVariant: 40, perLack: 80 });
