import { z } from 'zod';
import { ACHIEVED_CONSISTENCIES, type Consistency, REQUESTED_CONSISTENCIES } from '../../model/consistency.ts';

export const consistencySchema: z.ZodType<Consistency> = z.object({
  requested: z.enum(REQUESTED_CONSISTENCIES),
  achieved: z.enum(ACHIEVED_CONSISTENCIES),
  freezeMs: z.number(),
  pauseMs: z.number(),
  reason: z.string().exactOptional(),
});
