import { z } from 'zod';
import { judgeLabel, judgeLabelChange, type Labels, MAX_LABELS } from '../../model/labels.ts';

/** All that an instance can have taken away, and as many others set. */
const MAX_CHANGES = 2 * MAX_LABELS;

/** An empty value takes the label away. */
export const labelChangesSchema = z.record(z.string(), z.string()).check((context) => {
  const entries = Object.entries(context.value);
  if (entries.length > MAX_CHANGES) {
    context.issues.push({ code: 'custom', input: entries.length, message: `must not be more than ${MAX_CHANGES}` });
  }
  for (const [key, value] of entries) {
    const complaint = judgeLabelChange(key, value);
    if (complaint !== null) context.issues.push({ code: 'custom', input: value, path: [key], message: complaint });
  }
});

/** `env=prod,tier=db` in a query: no label holds a comma or an equals sign. */
export const labelFilterSchema = z.string().transform((text, context): Labels => {
  const pairs = text.split(',').map((pair) => pair.split('='));
  const labels = new Map<string, string>();
  for (const [key = '', value = '', ...rest] of pairs) {
    const complaint = judgeLabel(key, value) ?? (rest.length > 0 ? "has more than one '='" : null);
    if (complaint === null && !labels.has(key)) labels.set(key, value);
    else context.issues.push({ code: 'custom', input: text, message: complaint ?? `asks for ${key} more than once` });
  }
  return Object.fromEntries(labels);
});

export function formatLabelFilter(labels: Labels): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
