import type { Consistency, RequestedConsistency } from '../../../model/consistency.ts';
import type { OperationContext } from '../../support/context.ts';
import type { Inspection } from './inspect-instance.ts';

/** The part of a journalled plan that says what may have been done to a guest; kept up to date while it is touched. */
export interface GuestPlan {
  readonly instanceId: string;
  readonly instanceName: string;
  /** A freeze of ours was begun and its thaw is not confirmed. */
  mayBeFrozen: boolean;
  /** A pause of ours was begun and its end is not confirmed. */
  mayBePaused: boolean;
}

export interface CaptureWork {
  readonly context: OperationContext;
  readonly plan: GuestPlan;
  readonly inspection: Pick<Inspection, 'domain' | 'powerState'>;
  readonly requested: RequestedConsistency;
  /** What is done at the instant itself, while the guest holds still. */
  takeInstant(): Promise<void>;
}

export interface PointInTime {
  readonly consistency: Consistency;
}
