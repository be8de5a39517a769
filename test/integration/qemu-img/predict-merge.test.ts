import { statSync } from 'node:fs';
import { expect, it } from 'vitest';
import { createDiskTool } from '../../../src/drivers/qemu-img/disk-tool.ts';
import { predictMerge } from '../../../src/model/snapshot/exclusive-size.ts';
import { createDice } from '../../unit/model/snapshot/dice.ts';
import { MIB, qemuIo, useFolder } from './disk-fixture.ts';

const ROUNDS = 12;
const CLUSTER = 65_536;
const TABLE_CLUSTERS = 8192;

const folder = useFolder();
const tool = createDiskTool();
const { below } = createDice(7);

async function createLayer(name: string, parent?: { readonly path: string; readonly format: 'qcow2' }) {
  const disk = { path: folder.path(name), format: 'qcow2' } as const;
  await tool.create({ ...disk, ...(parent === undefined ? { virtualSizeBytes: 2048 * MIB } : { backing: parent }) });
  return disk;
}

/** Clusters of data and of zeroes, in up to three parts of the disk that have a table each; each is written once. */
function throwWrites(): readonly string[] {
  const clusters = new Set(Array.from({ length: 2 + below(20) }, () => below(3) * TABLE_CLUSTERS + below(12)));
  return [...clusters].map((cluster) => {
    const at = cluster * CLUSTER;
    return below(4) === 0 ? `write -z ${at} ${CLUSTER}` : `write -P ${1 + below(200)} ${at} ${CLUSTER}`;
  });
}

const storedBytes = ({ path }: { readonly path: string }): number => statSync(path).blocks * 512;

it('what a merge will take is what the file takes that qemu-img commit has made', async () => {
  const ground = await createLayer('ground');
  for (let round = 0; round < ROUNDS; round += 1) {
    const from = await createLayer(`from ${round}`, ground);
    const into = await createLayer(`into ${round}`, from);
    for (const layer of [from, into]) qemuIo(layer, ...throwWrites(), 'flush');
    const predicted = predictMerge({
      from: await tool.mapAllocation(from),
      into: await tool.mapAllocation(into),
      fromStoredBytes: storedBytes(from),
    });
    await tool.commit(into);
    expect(storedBytes(from) - predicted, `round ${round}`).toBe(0);
  }
});
