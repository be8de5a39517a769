import type { CommandContext } from './context.ts';
import { pathOnHost } from './path-on-host.ts';

/** A store by its name or its s3:// URL, or a folder: that has a slash in it, or a dot before it. */
export function storeOnHost(context: Pick<CommandContext, 'host'>, text: string): string {
  if (text.startsWith('s3://')) return text;
  return text.includes('/') || text.startsWith('.') ? pathOnHost(context, text) : text;
}
