import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import type { MetricFamily } from '../support/prometheus-text.ts';
import { makeMeasuredHost } from './agent/metrics/measured-host.ts';

/** The variable that names the source, as Grafana writes it. */
const DATASOURCE = ['$', '{datasource}'].join('');

const panelSchema = z.object({
  id: z.int(),
  type: z.string(),
  title: z.string().min(1),
  gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
  datasource: z.object({ uid: z.literal(DATASOURCE) }).optional(),
  targets: z
    .array(z.object({ expr: z.string(), legendFormat: z.string(), datasource: z.object({ uid: z.string() }) }))
    .default([]),
  options: z.object({ content: z.string().optional() }).optional(),
});
const dashboardSchema = z.object({
  schemaVersion: z.literal(42),
  uid: z.string(),
  templating: z.object({ list: z.array(z.object({ name: z.string(), type: z.string() })) }),
  annotations: z.object({ list: z.array(z.object({ expr: z.string().optional() })) }),
  panels: z.array(panelSchema),
});
const alertsSchema = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.object({
          alert: z.string(),
          expr: z.string(),
          for: z
            .string()
            .regex(/^\d+[mh]$/)
            .optional(),
          labels: z.object({ severity: z.enum(['warning', 'critical']) }),
          annotations: z.object({ summary: z.string(), description: z.string().optional() }),
        }),
      ),
    }),
  ),
});

const scripts = new URL('../../scripts/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, scripts), 'utf8');
const dashboard = dashboardSchema.parse(JSON.parse(read('grafana-dashboard.json')));
const rules = alertsSchema.parse(parse(read('prometheus-alerts.yaml'))).groups.flatMap((group) => group.rules);

/** What Prometheus itself gives every series. */
const TARGET_LABELS = ['instance', 'job'];

let families: ReadonlyMap<string, MetricFamily>;

beforeAll(async () => {
  families = await scrapeOneOfEverything();
});

/** A scrape in which every family has a series, so that its labels are seen. */
async function scrapeOneOfEverything(): Promise<ReadonlyMap<string, MetricFamily>> {
  const host = makeMeasuredHost();
  host.state.instances = { instances: [{ id: 'a', name: 'web', state: 'active' }], shelved: [] };
  host.state.images = { ...host.state.images, backups: [{ instanceId: 'a', createdAt: '2026-01-01T00:00:00.000Z' }] };
  host.state.overlays = [{ operationId: 'o', instanceId: 'a', instanceName: 'web', target: 'vda', sizeBytes: 1 }];
  const request = { method: 'GET', route: '/v1/images' };
  host.metrics.requests.answered({ ...request, status: 200 });
  host.metrics.requests.took(request, 1);
  const web = { id: 'a', name: 'web' };
  host.metrics.schedules.showOverdue([{ instance: web, backupType: 'daily', isOverdue: false }]);
  host.metrics.schedules.showNextRuns([{ scheduleId: 's', next: host.clock.now() }]);
  host.metrics.start();
  await host.clock.advance(0);
  await host.end(await host.begin(), { timings: { totalMs: 1 } });
  const seen = await host.scrape();
  await host.metrics.stop();
  return seen;
}

function familyOf(metric: string): MetricFamily | undefined {
  return families.get(metric) ?? families.get(metric.replace(/_(bucket|sum|count)$/, ''));
}

function labelsOf(metric: string): readonly string[] {
  const samples = familyOf(metric)?.samples.filter(({ name }) => name === metric) ?? [];
  return [...TARGET_LABELS, ...new Set(samples.flatMap(({ labels }) => Object.keys(labels)))];
}

/** Metrics of an expression with the labels that they are picked by. */
function selectorsOf(expr: string): readonly { readonly metric: string; readonly labels: readonly string[] }[] {
  const pattern = /\b(?<metric>(?:darkroom|process|nodejs|up)\w*)(?:\{(?<matchers>[^}]*)\})?/g;
  return [...withoutGroups(expr).matchAll(pattern)].map(({ groups }) => ({
    metric: groups?.['metric'] ?? '',
    labels: [...(groups?.['matchers'] ?? '').matchAll(/(\w+)\s*(?:=~|!~|!=|=)\s*"/g)].map(([, label = '']) => label),
  }));
}

const GROUPING = /\b(?:by|ignoring|on)\s*\((?<labels>[^)]*)\)/g;

function withoutGroups(expr: string): string {
  return expr.replace(GROUPING, '');
}

function groupingLabels(expr: string): readonly string[] {
  return [...expr.matchAll(GROUPING)].flatMap(({ groups }) => (groups?.['labels'] ?? '').split(/,\s*/));
}

/** What is wrong with an expression, as far as that can be seen without running it. */
function findFaults(expr: string): readonly string[] {
  const selectors = selectorsOf(expr).filter(({ metric }) => metric !== 'up');
  const known = new Set(selectors.flatMap(({ metric }) => labelsOf(metric)));
  const depth = [...expr].reduce((sum, sign) => sum + Number(sign === '(') - Number(sign === ')'), 0);
  return [
    ...(depth === 0 ? [] : ['parentheses']),
    ...selectors.filter(({ metric }) => !hasSeries(metric)).map(({ metric }) => metric),
    ...selectors.flatMap(({ metric, labels }) =>
      labels.filter((label) => !labelsOf(metric).includes(label)).map((label) => `${metric}{${label}}`),
    ),
    ...groupingLabels(expr).filter((label) => !known.has(label)),
  ];
}

function hasSeries(metric: string): boolean {
  return familyOf(metric)?.samples.some(({ name }) => name === metric) === true;
}

const targets = dashboard.panels.flatMap((panel) => panel.targets.map((target) => ({ ...target, title: panel.title })));
const expressions: readonly (readonly [string, string])[] = [
  ...targets.map(({ title, expr }) => [`panel ${title}`, expr] as const),
  ...dashboard.annotations.list.flatMap(({ expr }) => (expr === undefined ? [] : [['annotation', expr] as const])),
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
];

it('finds what is wrong with an expression', () => {
  expect(findFaults('sum(darkroom_nothing)')).toEqual(['darkroom_nothing']);
  expect(findFaults('rate(darkroom_operations_total{kinds="x"}[5m])')).toEqual(['darkroom_operations_total{kinds}']);
  expect(findFaults('sum by (code) (darkroom_locks_held)')).toEqual(['code']);
  expect(findFaults('sum(darkroom_freeze_seconds_buckets)')).toEqual(['darkroom_freeze_seconds_buckets']);
  expect(findFaults('sum(darkroom_locks_held')).toEqual(['parentheses']);
});

it.each(expressions)('asks for what a scrape has: %s', (_, expr) => {
  expect(selectorsOf(expr)).not.toEqual([]);
  expect(findFaults(expr)).toEqual([]);
});

describe('the dashboard', () => {
  it('shows every metric of ours', () => {
    const shown = new Set(targets.flatMap(({ expr }) => selectorsOf(expr).map(({ metric }) => familyOf(metric)?.name)));
    const ours = [...families.keys()].filter((name) => name.startsWith('darkroom_'));
    expect(ours.filter((name) => !shown.has(name))).toEqual([]);
    expect(ours.length).toBeGreaterThan(25);
  });

  it('names its series by labels that they have', () => {
    for (const { title, expr, legendFormat } of targets) {
      const aggregated = groupingLabels(expr);
      const labels = aggregated.length > 0 ? aggregated : selectorsOf(expr).flatMap(({ metric }) => labelsOf(metric));
      const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label);
      expect(
        named.filter((label) => !labels.includes(label)),
        title,
      ).toEqual([]);
    }
  });

  it('takes its data from the source that was chosen', () => {
    expect(dashboard.templating.list.map(({ name, type }) => [name, type])).toContainEqual([
      'datasource',
      'datasource',
    ]);
    for (const { datasource, title } of targets) expect(datasource.uid, title).toBe(DATASOURCE);
    for (const { expr } of targets) {
      for (const [, name = ''] of expr.matchAll(/"\$(\w+)"/g)) {
        expect(dashboard.templating.list.map((variable) => variable.name)).toContain(name);
      }
    }
  });

  it('has panels that lie side by side, each with an id of its own', () => {
    const ids = dashboard.panels.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    const taken = new Set<string>();
    for (const { gridPos, title } of dashboard.panels) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          expect(taken.has(`${x} ${y}`), title).toBe(false);
          taken.add(`${x} ${y}`);
        }
      }
    }
  });

  it('says of every alert what to do', () => {
    const text = dashboard.panels.find(({ type }) => type === 'text')?.options?.content ?? '';
    const told = [...text.matchAll(/^\| (Darkroom\w+) \|/gm)].map(([, name]) => name);
    expect(told.sort()).toEqual(rules.map(({ alert }) => alert).sort());
  });
});

it('has alerts that tell where, each but once', () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
  for (const { annotations, alert } of rules) expect(annotations.summary, alert).toContain('{{ $labels.instance');
});
