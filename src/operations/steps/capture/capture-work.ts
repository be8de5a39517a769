import type { Consistency, RequestedConsistency } from '../../../model/consistency.ts';
import type { CapturePlan } from '../../capture-plan.ts';
import type { OperationContext } from '../../support/context.ts';
import type { Inspection } from './inspect-instance.ts';
import type { FirmwareState } from './read-firmware.ts';

export interface CaptureWork {
  readonly context: OperationContext;
  /** Its `mayBe…` facts are kept up to date while the guest is touched. */
  readonly plan: CapturePlan;
  readonly inspection: Inspection;
  readonly requested: RequestedConsistency;
}

export interface PointInTime {
  readonly consistency: Consistency;
  readonly firmware: FirmwareState;
}
