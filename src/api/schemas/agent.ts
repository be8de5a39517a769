import { z } from 'zod';

/** How an agent is: who it is, where it listens, and what it is doing. */
export interface AgentStatus {
  readonly version: string;
  readonly pid: number;
  readonly startedAt: string;
  readonly uptimeSeconds: number;
  readonly host: string;
  /** Path of its unix socket; null: it was passed one that has none. */
  readonly socket: string | null;
  /** Address and port; null: the socket alone. */
  readonly listen: string | null;
  readonly libvirt: { readonly isReachable: boolean; readonly error: string | null };
  readonly runningOperations: number;
  /** It takes on no new work. */
  readonly isStopping: boolean;
}

export const agentStatusSchema: z.ZodType<AgentStatus> = z.object({
  version: z.string(),
  pid: z.int(),
  startedAt: z.string(),
  uptimeSeconds: z.number(),
  host: z.string(),
  socket: z.string().nullable(),
  listen: z.string().nullable(),
  libvirt: z.object({ isReachable: z.boolean(), error: z.string().nullable() }),
  runningOperations: z.int(),
  isStopping: z.boolean(),
});
