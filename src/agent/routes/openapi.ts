import type { RouteOptions } from 'fastify';
import { documentSchema } from '../../api/schemas/answers.ts';
import type { ApiApp } from '../api-app.ts';

/** Every route that is added from now on, and this one, in a document that is made when it is first asked for. */
export function addDocumentRoute(app: ApiApp, version: string): void {
  const routes: RouteOptions[] = [];
  let document: Promise<Readonly<Record<string, unknown>>> | null = null;
  app.addHook('onRoute', (route) => void routes.push(route));
  app.get(
    '/openapi.json',
    {
      schema: { response: { 200: documentSchema } },
      config: { needs: 'anybody', summary: 'This document' },
    },
    () => {
      document ??= build(routes, version);
      return document;
    },
  );
}

async function build(routes: readonly RouteOptions[], version: string): Promise<Readonly<Record<string, unknown>>> {
  const { buildDocument } = await import('../openapi/build-document.ts');
  return await buildDocument(routes, version);
}
