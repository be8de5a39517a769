import { z } from 'zod';

/** What putting an interrupted export right would need: the file or folder that was being written. */
export const exportPlanSchema = z.object({ version: z.literal(1), temporaryPath: z.string() });

export type ExportPlan = z.infer<typeof exportPlanSchema>;

/** Beside the target, so that it gets its name by a rename; no other file is called so. */
export function temporaryName(name: string, operationId: string): string {
  // a file name has 255 bytes, and the target's own may use them all
  return `.${[...name].slice(0, 40).join('')}.${operationId}.partial`;
}
