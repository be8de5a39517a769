import type { FastifyRequest } from 'fastify';
import type { Page } from '../model/pages.ts';

interface PagedRequest<Filter extends Page> {
  readonly query: Filter;
  readonly url: FastifyRequest['url'];
}

/** A part of a list; a Link header leads to the next one where there is more (RFC 8288). */
export async function answerPage<Filter extends Page, Item extends { readonly id: string }>(
  { query, url }: PagedRequest<Filter>,
  reply: { header(name: string, value: string): unknown },
  list: (filter: Filter) => Promise<readonly Item[]>,
): Promise<readonly Item[]> {
  const { limit } = query;
  if (limit === undefined) return await list(query);
  const items = await list({ ...query, limit: limit + 1 });
  if (items.length <= limit) return items;
  const page = items.slice(0, limit);
  reply.header('link', `<${nextUrl(url, page.at(-1)?.id ?? '')}>; rel="next"`);
  return page;
}

function nextUrl(url: string, marker: string): string {
  const [path = '', query = ''] = url.split(/\?(.*)/s);
  const parameters = new URLSearchParams(query);
  parameters.set('marker', marker);
  return `${path}?${parameters.toString()}`;
}
