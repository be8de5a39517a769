import { request as httpRequest } from 'node:http';
import path from 'node:path';
import type { RunningCommand } from './run-command.ts';
import type { DarkroomHost } from './run-darkroom.ts';
import { waitUntil } from './wait-until.ts';

/** The daemon of a host, which the command line of that host finds by its socket. Disposing of it stops it. */
export interface RunningAgent extends AsyncDisposable {
  readonly command: RunningCommand;
  get(path: string): Promise<{ readonly status: number; readonly body: string }>;
}

/** Resolves when it is ready. */
export async function startAgent(darkroom: DarkroomHost): Promise<RunningAgent> {
  const command = darkroom.start(['agent', 'run'], { env: { DARKROOM_SOCKET_GROUP: 'root' } });
  const get: RunningAgent['get'] = (at) => getOverSocket(path.join(darkroom.folder, 'agent.sock'), at);
  try {
    await waitUntil('the agent is ready', async () => (await get('/readyz')).status === 200, { timeoutMs: 60_000 });
  } catch (error) {
    command.kill('SIGKILL');
    throw new Error(`the agent did not start: ${command.output.stderr}`, { cause: error });
  }
  return {
    command,
    get,
    [Symbol.asyncDispose]: async () => {
      command.kill('SIGTERM');
      await command.ended;
    },
  };
}

function getOverSocket(socketPath: string, at: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ socketPath, path: at }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    request.on('error', reject).end();
  });
}
