import type { SnapshotLink } from '../../model/snapshot/chain-link.ts';
import { shortId } from '../../model/snapshot/snapshot.ts';
import type { Output } from '../output.ts';
import { formatBytes, formatTime } from './text.ts';

const SIGNS = {
  unicode: { below: '○', hidden: '◌', self: '●', child: '├─○', lastChild: '└─○' },
  ascii: { below: 'o', hidden: '.', self: '*', child: '|-o', lastChild: '`-o' },
} as const;

interface DrawnLink {
  readonly link: SnapshotLink;
  readonly sign: string;
  readonly note: string;
}

/**
 * A line for each, from the one that stands alone up to the snapshot itself, each on the one before, and below it its children:
 * what they take, how and when they were made.
 */
export function drawChain(output: Output, chain: readonly SnapshotLink[], id: string): readonly string[] {
  const signs = output.isUtf8 ? SIGNS.unicode : SIGNS.ascii;
  const children = chain.filter(({ parent }) => parent === id);
  const lines = chain.map((link): DrawnLink => {
    if (link.id === id) return { link, sign: signs.self, note: ['this one', ...notesOn(link)].join(', ') };
    if (link.parent === id) {
      return { link, sign: link === children.at(-1) ? signs.lastChild : signs.child, note: notesOn(link).join(', ') };
    }
    return { link, sign: link.isHidden ? signs.hidden : signs.below, note: notesOn(link).join(', ') };
  });
  const width = Math.max(...lines.map(({ link }) => formatBytes(link.storedBytes).length));
  return lines.map((line) => drawLink(output, line, width));
}

function notesOn({ isHidden, status }: SnapshotLink): readonly string[] {
  return [...(isHidden ? ['hidden, but needed'] : []), ...(status === 'error' ? ['failed a verify'] : [])];
}

function drawLink(output: Output, { link, sign, note }: DrawnLink, width: number): string {
  const size = formatBytes(link.storedBytes).padStart(width);
  const facts = `${shortId(link.id)}  ${link.method.padEnd('compare'.length)}  ${size}  ${formatTime(link.createdAt)}`;
  const line = `${sign} ${facts}${note === '' ? '' : `  ${note}`}`;
  return link.isHidden ? output.paint('dim', line) : line;
}
