import { collectDefaultMetrics, Gauge, type Registry } from 'prom-client';

/** How often the delay of the event loop is sampled; each time wakes the process. */
const EVENT_LOOP_SAMPLE_MS = 100;

/** What this process is, and what it takes. */
export function addProcessMetrics(
  registry: Registry,
  { version, startedAt }: { readonly version: string; readonly startedAt: Date },
): void {
  const registers = [registry];
  new Gauge({
    name: 'darkroom_build_info',
    help: 'Always 1: its labels say what runs here.',
    labelNames: ['version', 'node'] as const,
    registers,
  }).set({ version, node: process.version }, 1);
  new Gauge({
    name: 'darkroom_agent_start_timestamp_seconds',
    help: 'When the agent was started.',
    registers,
  }).set(startedAt.getTime() / 1000);
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: EVENT_LOOP_SAMPLE_MS });
}
