import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const source = fileURLToPath(new URL('../../src', import.meta.url));

/** Which parts of ours a part may import from, besides itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  cli: ['api', 'agent', 'config', 'model', 'lib'],
  api: ['model'],
  agent: ['compose', 'api', 'operations', 'model', 'config', 'lib'],
  compose: ['operations', 'model', 'config', 'lib', 'drivers'],
  operations: ['model', 'lib'],
  'drivers/*': ['model', 'lib'],
  config: ['model', 'lib'],
  model: [],
  lib: [],
};

/** Packages that only some files may know. */
const CONFINED: readonly { readonly packageName: RegExp; readonly to: RegExp }[] = [
  { packageName: /^koffi$/, to: /^drivers\/(libvirt|systemd)\// },
  { packageName: /^execa$/, to: /^lib\/run-command\.ts$/ },
  { packageName: /^yargs$/, to: /^cli\// },
  { packageName: /^cli-(progress|table3)$/, to: /^cli\/render\// },
  { packageName: /^pino(-pretty)?$/, to: /^lib\/logger\.ts$/ },
  { packageName: /^fastify(-type-provider-zod)?$/, to: /^(agent\/|api\/inject-transport\.ts$)/ },
  // The edges: requests, settings, and what was once written to a disk: manifests, journalled plans, tools' output, answers of services.
  {
    packageName: /^zod$/,
    to: /^(api|config)\/|^agent\/validate-request\.ts$|^operations\/[^/]+\.ts$|^drivers\/(stores|qemu-img|state|glance)\//,
  },
  { packageName: /^yaml$/, to: /^config\// },
  { packageName: /^prom-client$/, to: /^agent\/metrics\// },
  { packageName: /^tar-stream$/, to: /^drivers\/host\/archive-/ },
  { packageName: /^croner$/, to: /^model\/backup\/cron\.ts$/ },
  { packageName: /^@photostructure\/sqlite$/, to: /^drivers\/state\// },
  { packageName: /^(@xmldom\/xmldom|xpath)$/, to: /^model\// },
];

/** What the model may use besides itself: trees, hashes and calendars, no I/O. */
const PURE_PACKAGES: readonly string[] = ['@xmldom/xmldom', 'xpath', 'croner', 'node:crypto'];

const MAX_LINES = 250;
const LONGER_FILES: readonly string[] = [];

interface SourceFile {
  /** Relative to src, with slashes. */
  readonly name: string;
  readonly part: string;
  readonly lineCount: number;
  /** Files of ours, relative to src; those outside src begin with `..`. */
  readonly ownImports: readonly string[];
  readonly packageImports: readonly string[];
}

const files: readonly SourceFile[] = readdirSync(source, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map(readSourceFile);

function readSourceFile(name: string): SourceFile {
  const text = readFileSync(path.join(source, name), 'utf8');
  const imports = findImports(text);
  const own = imports.filter((target) => target.startsWith('.'));
  return {
    name,
    part: partOf(name),
    lineCount: text.trimEnd().split('\n').length,
    ownImports: own.map((target) => path.join(path.dirname(name), target)),
    packageImports: imports.filter((target) => !target.startsWith('.')),
  };
}

/** Static and dynamic imports, re-exports, createRequire, and `import('x')` types. */
function findImports(text: string): readonly string[] {
  const code = text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$/gm, '');
  const patterns = [
    /\bfrom\s+'([^']+)'/g,
    /\bimport\s+'([^']+)'/g,
    /\bimport\(\s*'([^']+)'/g,
    /\)\(\s*'([^']+)'\s*\)/g,
    /\brequire\(\s*'([^']+)'/g,
  ];
  return patterns.flatMap((pattern) => [...code.matchAll(pattern)].flatMap(([, target]) => target ?? []));
}

/** `drivers/libvirt/domain.ts` is of the part `drivers/libvirt`, `compose.ts` of `compose`. */
function partOf(name: string): string {
  const [first = '', second = ''] = name.replace(/\.ts$/, '').split('/');
  return first === 'drivers' ? `drivers/${second}` : first;
}

function mayImport(from: string, to: string): boolean {
  if (from === to) return true;
  const allowed = MAY_IMPORT[from.startsWith('drivers/') ? 'drivers/*' : from] ?? [];
  return allowed.includes(to) || (to.startsWith('drivers/') && allowed.includes('drivers'));
}

function findCycle(): readonly string[] | null {
  const byName = new Map(files.map((file) => [file.name, file]));
  const finished = new Set<string>();
  const visit = (name: string, trail: readonly string[]): readonly string[] | null => {
    if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name];
    if (finished.has(name)) return null;
    for (const target of byName.get(name)?.ownImports ?? []) {
      const cycle = visit(target, [...trail, name]);
      if (cycle !== null) return cycle;
    }
    finished.add(name);
    return null;
  };
  for (const { name } of files) {
    const cycle = visit(name, []);
    if (cycle !== null) return cycle;
  }
  return null;
}

describe('the architecture', () => {
  it('sees the sources and what they import', () => {
    expect(files.length).toBeGreaterThan(50);
    expect(files.find(({ name }) => name === 'cli/main.ts')?.ownImports).toContain('cli/run-cli.ts');
    expect(files.find(({ name }) => name === 'agent/embed.ts')?.ownImports).toContain('compose.ts');
  });

  it('knows every part', () => {
    const unknown = files.filter(({ part }) => !(part in MAY_IMPORT) && !part.startsWith('drivers/'));
    expect(unknown.map(({ name }) => name)).toEqual([]);
  });

  it('imports one way only', () => {
    const wrong = files.flatMap(({ name, part, ownImports }) =>
      ownImports
        .filter((target) => !target.startsWith('..') && !mayImport(part, partOf(target)))
        .map((target) => `${name} -> ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  it('imports no file in a circle', () => {
    expect(findCycle()).toBeNull();
  });

  it('imports nothing from outside src', () => {
    const outside = files.flatMap(({ name, ownImports }) =>
      // package.json tells the version.
      ownImports
        .filter((target) => target.startsWith('..') && target !== '../package.json')
        .map((target) => `${name} -> ${target}`),
    );
    expect(outside).toEqual([]);
  });

  it('keeps packages where they belong', () => {
    const strayed = CONFINED.flatMap(({ packageName, to }) =>
      files
        .filter(
          ({ name, packageImports }) => !to.test(name) && packageImports.some((target) => packageName.test(target)),
        )
        .map(({ name }) => `${name} -> ${packageName.source}`),
    );
    expect(strayed).toEqual([]);
  });

  it('keeps the model free of I/O and packages', () => {
    const impure = files
      .filter(({ part }) => part === 'model')
      .flatMap(({ name, packageImports }) =>
        packageImports.filter((target) => !PURE_PACKAGES.includes(target)).map((target) => `${name} -> ${target}`),
      );
    expect(impure).toEqual([]);
  });

  it('lets only the composition root know more than one driver', () => {
    const knowing = files.filter(
      ({ part, ownImports }) =>
        part !== 'compose' &&
        ownImports.some((target) => partOf(target).startsWith('drivers/') && partOf(target) !== part),
    );
    expect(knowing.map(({ name }) => name)).toEqual([]);
  });

  it('has no file that is too long to be one idea', () => {
    const long = files.filter(({ name, lineCount }) => lineCount > MAX_LINES && !LONGER_FILES.includes(name));
    expect(long.map(({ name, lineCount }) => `${name}: ${lineCount} lines`)).toEqual([]);
  });
});
