import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { createDiskTool } from '../../src/drivers/qemu-img/disk-tool.ts';
import { describeDiskTool } from './disk-tool.ts';

const CLUSTER = 65_536;
const tool = createDiskTool();

describeDiskTool('the disk tool over QEMU', {
  tool,
  write: (disk, letter) => {
    const command = `write -P ${letter.charCodeAt(0)} 0 ${CLUSTER}`;
    execFileSync('qemu-io', ['-f', disk.format, '-c', command, disk.path], { stdio: 'pipe' });
  },
  read: async (disk) => {
    const target = { path: `${disk.path}.read`, format: 'raw' } as const;
    await tool.convert({ source: disk, target });
    const first = readFileSync(target.path)[0] ?? 0;
    rmSync(target.path);
    return first === 0 ? '' : String.fromCharCode(first);
  },
});
