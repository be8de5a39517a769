import { z } from 'zod';

const READINESS_CHECKS = ['recovery', 'libvirt', 'store', 'work'] as const;

/** One thing that work on a host needs. */
export interface ReadinessCheck {
  /** recovery: what died is put right; libvirt: it answers; store: it takes images; work: the agent does not stop. */
  readonly name: (typeof READINESS_CHECKS)[number];
  readonly isOk: boolean;
  /** A code, or a few words that tell strangers nothing of the host; null when it is well. */
  readonly reason: string | null;
  /** What was seen, for who asks over the host's own socket; null for others, and where it is well or no error. */
  readonly error: { readonly code: string; readonly message: string } | null;
}

export interface Readiness {
  readonly status: 'ready' | 'unready';
  readonly checks: readonly ReadinessCheck[];
}

export const readinessSchema: z.ZodType<Readiness> = z.object({
  status: z.enum(['ready', 'unready']),
  checks: z.array(
    z.object({
      name: z.enum(READINESS_CHECKS),
      isOk: z.boolean(),
      reason: z.string().nullable(),
      error: z.object({ code: z.string(), message: z.string() }).nullable(),
    }),
  ),
});

/** Prometheus' text format. */
export const metricsTextSchema: z.ZodType<string> = z.string();
