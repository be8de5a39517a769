import type { QuotaReport } from '../model/quota.ts';
import type { Core } from './support/context.ts';

export async function readQuota(_core: Core): Promise<QuotaReport> {
  throw new Error('not there yet');
}
