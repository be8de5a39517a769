import { changeFakeContent, createFakeDiskTool, readFakeContent } from '../support/fake-disk-tool.ts';
import { describeDiskTool } from './disk-tool.ts';

describeDiskTool('the disk tool in memory', {
  tool: createFakeDiskTool(),
  write: (disk, letter) => changeFakeContent(disk.path, letter),
  read: async (disk) => readFakeContent(disk.path),
});
