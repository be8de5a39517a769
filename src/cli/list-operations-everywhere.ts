import type { ApiOperationFilter } from '../api/client.ts';
import type { Operation } from '../model/operation.ts';
import { askHosts, type FleetHost, fleetExitCode, listDown } from './fleet.ts';
import { type Output, printResult } from './output.ts';
import { renderFleet } from './render/fleet.ts';
import { OPERATION_HEADINGS, operationCells } from './render/operation.ts';

/** Newest first, of all hosts together. Ends with 7 when no host answers at all. */
export async function listOperationsEverywhere(
  output: Output,
  { hosts, filter }: { readonly hosts: readonly FleetHost[]; readonly filter: ApiOperationFilter },
): Promise<number> {
  const answers = await askHosts(hosts, (client) => client.operations.list(filter));
  const down = listDown(answers);
  const found = answers
    .flatMap((answer) =>
      answer.failure === null ? answer.answer.map((operation) => ({ host: answer.host, operation })) : [],
    )
    .sort((left, right) => compareAge(left.operation, right.operation))
    .slice(0, filter.limit);
  const document = [
    ...found.map(({ host, operation }) => ({ ...operation, host })),
    ...down.map(({ host, failure: { code, message } }) => ({
      id: null,
      status: 'down',
      host,
      error: { code, message },
    })),
  ];
  const rows = found.map(({ host, operation }) => ({ host, cells: operationCells(output, operation) }));
  await printResult(output, document, () => renderFleet(output, { headings: OPERATION_HEADINGS, rows, down }));
  return fleetExitCode(answers);
}

function compareAge(left: Operation, right: Operation): number {
  return Date.parse(right.startedAt) - Date.parse(left.startedAt);
}
