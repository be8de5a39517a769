import { createHmac } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createNotifier, type NotifyLimits } from '../../../src/drivers/notify/create-notifier.ts';
import type { Notification, Notifier, NotifyTargets } from '../../../src/model/ports/notifier.ts';
import { createFakeClock, type FakeClock } from '../../support/fake-host.ts';

const NOTIFICATION: Notification = {
  id: '0b9f5f0a-58a1-4b0e-9d0c-2d5c3b1f7a10',
  event: 'backup.failed',
  at: '2026-03-01T12:00:00.000Z',
  host: 'node1',
  instance: { id: '2fd4ae5a-9b0c-4b6e-8c57-0f6a1f6f7a01', name: 'wéb "1"' },
  scheduleId: null,
  backupType: 'daily',
  message: 'The store is full.',
  error: { code: 'NO_SPACE', message: 'full' },
};
const LIMITS: NotifyLimits = { requestMs: 20_000, commandMs: 20_000 };

interface Received {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

let folder: string;
let server: Server;
let url: string;
let received: Received[];
type Answer = number | 'cut' | 'silent';
/** In turn, 200 after them; cut: the connection is, silent: nothing is ever said. */
let answers: Answer[];
let clock: FakeClock;
let sleeps: number[];

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'dr-notify-'));
  [received, answers, sleeps, clock] = [[], [], [], createFakeClock()];
  let awake = 0;
  clock.onSleep = (elapsedMs) => {
    sleeps.push(elapsedMs - awake);
    awake = elapsedMs;
  };
  server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { method = '', url: target = '', headers } = request;
      received.push({ method, url: target, headers, body: Buffer.concat(chunks).toString() });
      const answer = answers.shift() ?? 200;
      if (answer === 'silent') return;
      if (answer === 'cut') request.socket.destroy();
      else response.writeHead(answer, { location: '/elsewhere' }).end('thank you');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${portOf(server)}/hooks/T0K3N?x=y`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true });
});

function portOf(listening: Server): number {
  const address: AddressInfo | string | null = listening.address();
  if (address === null || typeof address === 'string') throw new Error('it listens on no port');
  return address.port;
}

function notifier(targets: Partial<NotifyTargets>, limits = LIMITS): Notifier {
  const all = { webhookUrl: null, webhookSecretFile: null, command: null, ...targets };
  return createNotifier({ targets: () => all, clock, limits });
}

function makeSecret(content: string, mode = 0o600): string {
  const file = path.join(folder, 'secret');
  writeFileSync(file, content);
  chmodSync(file, mode);
  return file;
}

/** A program; `$OUT` is a file to write to. */
function makeCommand(script: string): string {
  const file = path.join(folder, 'tell');
  writeFileSync(file, `#!/bin/sh\nOUT=${folder}/out\n${script}\n`, { mode: 0o755 });
  return file;
}

const output = (): string => readFileSync(path.join(folder, 'out'), 'utf8');

async function failureOf(work: Promise<void>): Promise<Error & { readonly code?: unknown }> {
  return await work.then(
    () => {
      throw new Error('nothing failed');
    },
    (error: Error) => error,
  );
}

it('is configured when there is somebody to tell, and tells nobody else', async () => {
  expect(notifier({ webhookUrl: url }).isConfigured).toBe(true);
  expect(notifier({ command: '/bin/true' }).isConfigured).toBe(true);
  expect(notifier({ webhookSecretFile: '/none' }).isConfigured).toBe(false);
  await notifier({}).send(NOTIFICATION);
  expect(received).toEqual([]);
});

describe('a webhook', () => {
  it('gets the notification as JSON, once', async () => {
    await notifier({ webhookUrl: url }).send(NOTIFICATION);
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({ method: 'POST', url: '/hooks/T0K3N?x=y' });
    expect(JSON.parse(received[0]?.body ?? '')).toEqual(NOTIFICATION);
    const headers = received[0]?.headers;
    expect(headers).toMatchObject({ 'content-type': 'application/json' });
    expect(headers?.['user-agent']).toMatch(/^darkroom\/\d+\.\d+\.\d+/);
    expect(Object.keys(headers ?? {}).filter((name) => name.startsWith('x-darkroom'))).toEqual([]);
  });

  it('can check who it is from, and when it was sent, with a key that is read each time', async () => {
    const webhookSecretFile = makeSecret('first key\n');
    const subject = notifier({ webhookUrl: url, webhookSecretFile });
    await subject.send(NOTIFICATION);
    makeSecret('second key');
    await subject.send(NOTIFICATION);
    const timestamp = String(Date.UTC(2026, 0, 1) / 1000);
    for (const [index, key] of ['first key', 'second key'].entries()) {
      const signature = createHmac('sha256', key).update(`${timestamp}.${received[index]?.body}`).digest('hex');
      expect(received[index]?.headers).toMatchObject({
        'x-darkroom-timestamp': timestamp,
        'x-darkroom-signature-256': `sha256=${signature}`,
      });
    }
  });

  it.each<[string, string, number]>([
    ['others could have read', 'key', 0o644],
    ['is empty', ' \n', 0o600],
  ])('is told nothing at all when its key %s', async (_why, content, mode) => {
    const webhookSecretFile = makeSecret(content, mode);
    const error = await failureOf(notifier({ webhookUrl: url, webhookSecretFile }).send(NOTIFICATION));
    expect(error).toMatchObject({ code: 'NOTIFY_FAILED' });
    expect(error.message).toContain(`notify.webhook_secret_file: ${webhookSecretFile} is`);
    await expect(notifier({ webhookUrl: url, webhookSecretFile: `${folder}/none` }).send(NOTIFICATION)).rejects.toThrow(
      'cannot be read',
    );
    expect(received).toEqual([]);
  });

  it('is sent the name and password of its URL, and no error tells them or its path', async () => {
    const webhookUrl = url.replace('http://', 'http://me:pa%3Ass@');
    answers = [403];
    const error = await failureOf(notifier({ webhookUrl }).send(NOTIFICATION));
    expect(received[0]?.headers.authorization).toBe(`Basic ${Buffer.from('me:pa:ss').toString('base64')}`);
    expect(error.message).toContain(`the webhook at http://127.0.0.1:${portOf(server)} answered 403 (tried 1 times)`);
    expect(JSON.stringify([error.message, error])).not.toMatch(/T0K3N|pa%3Ass/);
  });

  it.each<[Answer[], number]>([
    [[500], 2],
    [[503, 429], 3],
    [['cut'], 2],
    [['cut', 'cut'], 3],
    [[502, 'cut'], 3],
    [[201], 1],
    [[204], 1],
  ])('that answers %j first hears of it after %i tries', async (first, tries) => {
    answers = first;
    await notifier({ webhookUrl: url }).send(NOTIFICATION);
    expect(received).toHaveLength(tries);
    expect(sleeps).toEqual([1000, 5000].slice(0, tries - 1));
    expect(new Set(received.map(({ body }) => body)).size).toBe(1);
  });

  it.each<[Answer[], number, string]>([
    [[500, 500, 500], 3, 'answered 500'],
    [[429, 429, 429], 3, 'answered 429'],
    [['cut', 'cut', 'cut'], 3, 'cannot be reached'],
    [[400], 1, 'answered 400'],
    [[404], 1, 'answered 404'],
    [[500, 410], 2, 'answered 410'],
    [[301], 1, 'answered 301'],
    [[307], 1, 'answered 307'],
  ])('that answers %j is given up after %i tries', async (first, tries, why) => {
    answers = first;
    const error = await failureOf(notifier({ webhookUrl: url }).send(NOTIFICATION));
    expect(error).toMatchObject({ code: 'NOTIFY_FAILED', fields: { event: 'backup.failed' } });
    expect(error.message).toContain(why);
    expect(received).toHaveLength(tries);
  });

  it('that says nothing is asked again when the time of one try is over', async () => {
    answers = ['silent'];
    await notifier({ webhookUrl: url }, { ...LIMITS, requestMs: 1_000 }).send(NOTIFICATION);
    expect(received).toHaveLength(2);
  });

  it('that is not there cannot be reached', async () => {
    const port = portOf(server);
    await new Promise((resolve) => server.close(resolve));
    const error = await failureOf(notifier({ webhookUrl: `http://localhost:${port}/` }).send(NOTIFICATION));
    expect(error.message).toMatch(/cannot be reached: .*ECONNREFUSED/);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  it('is waited for no longer when nobody wants it told any more', async () => {
    answers = ['silent'];
    const controller = new AbortController();
    const sending = notifier({ webhookUrl: url }).send(NOTIFICATION, controller.signal);
    while (received.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort();
    await expect(sending).rejects.toMatchObject({ code: 'CANCELLED' });
    await expect(notifier({ webhookUrl: url }).send(NOTIFICATION, controller.signal)).rejects.toThrow('cancelled');
    expect(received).toHaveLength(1);
  });
});

describe('a command', () => {
  it('reads the notification, and finds in its environment what it is about and nothing of ours', async () => {
    process.env['NOTIFY_SOCKET'] = '/run/systemd/notify';
    process.env['DARKROOM_STORE'] = '/secret';
    try {
      await notifier({ command: makeCommand('cat > $OUT; env >> $OUT; echo "args: $#" >> $OUT') }).send(NOTIFICATION);
    } finally {
      delete process.env['NOTIFY_SOCKET'];
      delete process.env['DARKROOM_STORE'];
    }
    const [json = '', ...lines] = output().trim().split('\n');
    expect(JSON.parse(json)).toEqual(NOTIFICATION);
    expect(lines).toContain('DARKROOM_EVENT=backup.failed');
    expect(lines).toContain('DARKROOM_INSTANCE=wéb "1"');
    expect(lines).toContain('DARKROOM_HOST=node1');
    expect(lines).toContain('args: 0');
    expect(lines.filter((line) => /^(NOTIFY_SOCKET|DARKROOM_STORE|VITEST)/.test(line))).toEqual([]);
    expect(lines.some((line) => line.startsWith('PATH='))).toBe(true);
  });

  it.each([
    ['exit 3', 'ended with exit code 3'],
    ['echo "no such mailbox" >&2; exit 1', 'no such mailbox'],
    ['kill -9 $$', 'SIGKILL'],
  ])('that does %j has told nobody', async (script, why) => {
    const error = await failureOf(notifier({ command: makeCommand(script) }).send(NOTIFICATION));
    expect(error).toMatchObject({ code: 'NOTIFY_FAILED' });
    expect(error.message).toContain(why);
  });

  it('that takes too long has told nobody', async () => {
    const hasty = notifier({ command: makeCommand('sleep 60') }, { ...LIMITS, commandMs: 1_000 });
    const error = await failureOf(hasty.send(NOTIFICATION));
    expect(error).toMatchObject({ code: 'NOTIFY_FAILED' });
    expect(error.message).toContain('did not end within 1000 ms');
  });

  it('that is not there has told nobody', async () => {
    const error = await failureOf(notifier({ command: `${folder}/none` }).send(NOTIFICATION));
    expect(error).toMatchObject({ code: 'NOTIFY_FAILED' });
    expect(error.message).toContain(`${folder}/none is not installed`);
  });

  it('need not read what it is told', async () => {
    const message = 'x'.repeat(1_000_000);
    await notifier({ command: '/bin/true' }).send({ ...NOTIFICATION, message });
  });

  it('may leave something behind that keeps its output open', async () => {
    const begin = Date.now();
    await notifier({ command: makeCommand('sleep 20 &\necho done > $OUT') }).send(NOTIFICATION);
    expect(Date.now() - begin).toBeLessThan(15_000);
    expect(output()).toBe('done\n');
  });

  it('is ended when nobody wants it told any more', async () => {
    const controller = new AbortController();
    const file = makeCommand('touch $OUT; exec sleep 60');
    const sending = notifier({ command: file }, { ...LIMITS, commandMs: 30_000 }).send(NOTIFICATION, controller.signal);
    while (!existsSync(path.join(folder, 'out'))) await new Promise((resolve) => setTimeout(resolve, 5));
    controller.abort();
    await expect(sending).rejects.toMatchObject({ code: 'CANCELLED' });
  });
});

describe('a webhook and a command', () => {
  it('are both told', async () => {
    await notifier({ webhookUrl: url, command: makeCommand('cat > $OUT') }).send(NOTIFICATION);
    expect(received).toHaveLength(1);
    expect(JSON.parse(output())).toEqual(NOTIFICATION);
  });

  it('hear of it even if the other one cannot, which hears of it when it is sent again', async () => {
    const command = makeCommand(`[ -e ${folder}/broken ] && exit 1\necho told >> $OUT`);
    writeFileSync(path.join(folder, 'broken'), '');
    const subject = notifier({ webhookUrl: url, command });
    for (let times = 0; times < 2; times++)
      await expect(subject.send(NOTIFICATION)).rejects.toMatchObject({ code: 'NOTIFY_FAILED' });
    expect(received).toHaveLength(1);
    rmSync(path.join(folder, 'broken'));
    answers = [400];
    await subject.send(NOTIFICATION);
    expect([received.length, output()]).toEqual([1, 'told\n']);

    await expect(subject.send({ ...NOTIFICATION, id: 'another' })).rejects.toThrow('answered 400');
    expect([received.length, output()]).toEqual([2, 'told\ntold\n']);
  });

  it('are all named when none of them could be told', async () => {
    answers = [404];
    const error = await failureOf(notifier({ webhookUrl: url, command: makeCommand('exit 9') }).send(NOTIFICATION));
    expect(error.message).toContain('answered 404');
    expect(error.message).toContain('exit code 9');
  });
});

it('goes to those whom a new configuration names', async () => {
  const targets = { webhookUrl: url, webhookSecretFile: null, command: null };
  const subject = createNotifier({ targets: () => targets, clock });
  await subject.send(NOTIFICATION);
  targets.webhookUrl = url.replace('T0K3N', 'new');
  await subject.send(NOTIFICATION);
  expect(received.map((request) => request.url)).toEqual(['/hooks/T0K3N?x=y', '/hooks/new?x=y']);
});
