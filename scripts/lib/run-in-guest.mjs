// run-in-guest.mjs URI DOMAIN COMMAND: runs a shell command line by the guest agent; prints its output, ends with its code.
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const [uri, domain, command] = process.argv.slice(2);

const { pid } = ask('guest-exec', { path: '/bin/sh', arg: ['-c', command], 'capture-output': true });
let status = ask('guest-exec-status', { pid });
while (!status.exited) {
  await sleep(50);
  status = ask('guest-exec-status', { pid });
}
process.stdout.write(Buffer.from(status['out-data'] ?? '', 'base64'));
process.stderr.write(Buffer.from(status['err-data'] ?? '', 'base64'));
process.exitCode = status.exitcode ?? 128;

function ask(execute, args) {
  const request = JSON.stringify({ execute, arguments: args });
  return JSON.parse(execFileSync('virsh', ['-q', '-c', uri, 'qemu-agent-command', domain, request])).return;
}
