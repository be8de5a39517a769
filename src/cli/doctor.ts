import type { Argv } from 'yargs';
import type { DoctorCheck, DoctorReport } from '../model/doctor.ts';
import type { CommandContext, CommandHost } from './context.ts';
import type { GlobalOptions } from './global-options.ts';
import { type Output, printResult } from './output.ts';
import { printable } from './render/text.ts';

export function addDoctor(yargs: Argv<GlobalOptions>, host: CommandHost): Argv<GlobalOptions> {
  return yargs.command(
    'doctor',
    'Look at this host, and at what was left behind, and say what to do',
    (command) =>
      command
        .option('repair', { type: 'boolean', default: false, describe: 'Put right what is provably ours' })
        .example('$0 doctor', 'Look only')
        .example('$0 doctor --repair', 'Merge our overlays back, thaw guests, remove partial files'),
    (argv) =>
      host.execute(argv, {
        // Recovery would hide what the doctor is to show.
        recovery: 'none',
        run: (context) => runDoctor(context, { isRepairing: argv.repair }),
      }),
  );
}

/** Ends with 1 when something is wrong, so that scripts can ask. */
export async function runDoctor(
  { client, output }: CommandContext,
  options: { readonly isRepairing: boolean },
): Promise<number> {
  const report = await client.doctor(options);
  await printResult(output, report, () => renderReport(output, report));
  return report.isHealthy ? 0 : 1;
}

function renderReport(output: Output, { checks, isHealthy }: DoctorReport): string {
  const lines = checks.map((check) => renderCheck(output, check));
  const verdict = isHealthy ? 'This host is ready.' : 'This host is not ready: see the errors above.';
  return [...lines, '', verdict].join('\n');
}

const SIGNS = {
  ok: ['ok', 'green'],
  warning: ['warning', 'yellow'],
  error: ['error', 'red'],
} as const;

function renderCheck(output: Output, check: DoctorCheck): string {
  const [sign, colour] = SIGNS[check.status];
  const repaired = check.isRepaired ? ' (repaired)' : '';
  const line = `${output.paint(colour, sign.padEnd(8))} ${check.id}: ${printable(check.message)}${repaired}`;
  return check.remedy === null ? line : `${line}\n         -> ${printable(check.remedy)}`;
}
