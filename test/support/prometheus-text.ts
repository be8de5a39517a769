/** One line of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface MetricFamily {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*$/;
const SAMPLE = /^(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?<labels>.*)\})? (?<value>\S+)$/;
const LABEL = /(?<name>[a-zA-Z_][a-zA-Z0-9_]*)="(?<value>(?:[^"\\]|\\.)*)"(?:,|$)/y;
const SUFFIXES: Readonly<Record<string, readonly string[]>> = { histogram: ['_bucket', '_sum', '_count'] };

/**
 * Reads the text format by its own rules (https://prometheus.io/docs/instrumenting/exposition_formats/) and throws for whatever
 * breaks them: a sample without HELP and TYPE before it, a family in two places, a series twice, buckets that do not add up.
 */
export function parsePrometheusText(text: string): ReadonlyMap<string, MetricFamily> {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const families = new Map<string, MetricFamily>();
  for (const block of text.split(/^(?=# HELP )/m)) {
    const family = parseFamily(block.split('\n').filter((line) => line !== ''));
    if (families.has(family.name)) throw new Error(`${family.name} is there twice`);
    families.set(family.name, family);
  }
  return families;
}

function parseFamily([helpLine = '', typeLine = '', ...lines]: readonly string[]): MetricFamily {
  const [, name = '', help = ''] = /^# HELP (\S+) (.*)$/.exec(helpLine) ?? [];
  const [, named, type = ''] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(typeLine) ?? [];
  if (!NAME.test(name) || named !== name) throw new Error(`no HELP and TYPE: ${helpLine} / ${typeLine}`);
  const family = { name, help, type, samples: lines.map(parseSample) };
  const series = new Set<string>();
  for (const sample of family.samples) {
    const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (series.has(key)) throw new Error(`${key} is there twice`);
    if (!namesOf(family).includes(sample.name)) throw new Error(`${sample.name} stands among those of ${name}`);
    series.add(key);
  }
  if (type === 'histogram') checkHistogram(family);
  return family;
}

function namesOf({ name, type }: Pick<MetricFamily, 'name' | 'type'>): readonly string[] {
  return SUFFIXES[type]?.map((suffix) => name + suffix) ?? [name];
}

function parseSample(line: string): Sample {
  const groups = SAMPLE.exec(line)?.groups;
  if (groups === undefined) throw new Error(`not understood: ${line}`);
  return {
    name: groups['name'] ?? '',
    labels: parseLabels(groups['labels'] ?? '', line),
    value: parseValue(groups['value'] ?? ''),
  };
}

/** As Go reads numbers: NaN in any case. */
function parseValue(text: string): number {
  const value = Number(text.replace('+Inf', 'Infinity'));
  if (Number.isNaN(value) && text.toLowerCase() !== 'nan') throw new Error(`no number: ${text}`);
  return value;
}

function parseLabels(text: string, line: string): Readonly<Record<string, string>> {
  const labels: Record<string, string> = {};
  LABEL.lastIndex = 0;
  while (LABEL.lastIndex < text.length) {
    const groups = LABEL.exec(text)?.groups;
    if (groups === undefined) throw new Error(`labels not understood: ${line}`);
    if ((groups['name'] ?? '') in labels) throw new Error(`a label twice: ${line}`);
    labels[groups['name'] ?? ''] = (groups['value'] ?? '').replace(/\\(.)/g, (_, c) => (c === 'n' ? '\n' : c));
  }
  return labels;
}

/** Buckets grow, and the last one is all. */
function checkHistogram({ name, samples }: MetricFamily): void {
  const last = new Map<string, number>();
  for (const { name: sample, labels, value } of samples) {
    const { le, ...others } = labels;
    const key = JSON.stringify(others);
    if (sample === `${name}_bucket`) {
      if (value < (last.get(key) ?? 0)) throw new Error(`the buckets of ${name} shrink`);
      last.set(key, value);
      if (le === undefined) throw new Error(`a bucket of ${name} has no bound`);
    }
    if (sample === `${name}_count` && last.get(key) !== value) throw new Error(`the buckets of ${name} do not add up`);
  }
}

/** Value of one series; undefined when it is not there. */
export function sampleValue(
  families: ReadonlyMap<string, MetricFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ''));
  return family?.samples.find(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )?.value;
}
