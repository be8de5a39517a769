import type { BackupDay } from '../../model/backup/backup.ts';
import type { Colour, Output } from '../output.ts';

interface Sign {
  readonly mark: string;
  /** For terminals that have no more. */
  readonly letter: string;
  readonly means: string;
  readonly colour: Colour | null;
}

/** What a day can be, best first: one character each, told apart without colours too. */
const SIGNS = {
  whole: { mark: '█', letter: '#', means: 'quiesced or offline', colour: 'green' },
  paused: { mark: '▓', letter: '=', means: 'paused', colour: 'green' },
  crash: { mark: '░', letter: '~', means: 'crash', colour: 'yellow' },
  gone: { mark: '▒', letter: '+', means: 'gone since', colour: 'green' },
  failed: { mark: '✗', letter: 'x', means: 'failed', colour: 'red' },
  skipped: { mark: '-', letter: '-', means: 'skipped', colour: 'dim' },
  none: { mark: '·', letter: '.', means: 'none', colour: 'dim' },
} as const satisfies Readonly<Record<string, Sign>>;

export interface PictureOptions {
  readonly isAscii: boolean;
}

/** A character a day, the oldest first. */
export function drawDays(output: Output, days: readonly BackupDay[], options: PictureOptions): string {
  return days.map((day) => draw(output, signOf(day), options)).join('');
}

export function drawLegend(output: Output, options: PictureOptions): string {
  return Object.values<Sign>(SIGNS)
    .map((sign) => `${draw(output, sign, options)} ${sign.means}`)
    .join('  ');
}

function draw(output: Output, { mark, letter, colour }: Sign, { isAscii }: PictureOptions): string {
  const text = isAscii ? letter : mark;
  return colour === null ? text : output.paint(colour, text);
}

function signOf(day: BackupDay): Sign {
  if (day.outcome !== 'good') return SIGNS[day.outcome];
  switch (day.consistency) {
    case 'quiesced':
    case 'offline':
      return SIGNS.whole;
    case 'paused':
      return SIGNS.paused;
    case 'crash':
      return SIGNS.crash;
    case null:
      return SIGNS.gone;
    default:
      return day.consistency satisfies never;
  }
}
