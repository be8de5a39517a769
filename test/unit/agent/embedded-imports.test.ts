import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const SOURCES = new URL('../../../src/', import.meta.url);
const STATIC_IMPORT = /^(?:import|export)\s(?!type\b)[^;]*?from '(\.[^']+)';/gm;
const ANY_PACKAGE = /^import\s(?!type\b)[^;]*?from '([^.n][^']*|n(?!ode:)[^']*)';/gm;

/** Every file that is loaded as soon as one is, and every package of those. */
function loadedWith(entry: string): { readonly files: ReadonlySet<string>; readonly packages: ReadonlySet<string> } {
  const files = new Set<string>();
  const packages = new Set<string>();
  const visit = (url: URL): void => {
    const name = url.pathname.slice(SOURCES.pathname.length);
    if (files.has(name)) return;
    files.add(name);
    const text = readFileSync(url, 'utf8');
    for (const [, target = ''] of text.matchAll(STATIC_IMPORT)) visit(new URL(target, url));
    for (const [, target = ''] of text.matchAll(ANY_PACKAGE)) packages.add(target);
  };
  visit(new URL(entry, SOURCES));
  return { files, packages };
}

describe('what the embedded application loads', () => {
  it('is none of what only a daemon needs', () => {
    const { files, packages } = loadedWith('agent/app.ts');
    expect(files).toContain('agent/routes/images.ts');
    expect(packages).toContain('fastify');
    const heavy = [...files].filter((file) =>
      /^agent\/(identify|authorise|audit-hook|limits|daemon|openapi|events)/.test(file),
    );
    expect(heavy).toEqual([]);
    expect([...packages].filter((name) => /swagger|type-provider/.test(name))).toEqual([]);
  });

  it('has the document of the API in no daemon either until it is asked for', () => {
    const { files, packages } = loadedWith('agent/daemon-app.ts');
    expect(files).toContain('agent/identify.ts');
    expect([...files].filter((file) => file.startsWith('agent/openapi'))).toEqual([]);
    expect([...packages].filter((name) => /swagger/.test(name))).toEqual([]);
  });
});
