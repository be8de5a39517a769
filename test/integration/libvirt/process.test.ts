import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { LibvirtProxy } from './libvirt-proxy.ts';

const run = promisify(execFile);
const driver = fileURLToPath(new URL('../../../dist/drivers/libvirt/create-hypervisor.js', import.meta.url));

/** Runs `body` in a Node of its own, with `createHypervisor`; what it prints, once it has ended by itself. */
async function runInNode(body: string): Promise<{ stdout: string; stderr: string }> {
  const script = `import { createHypervisor } from ${JSON.stringify(driver)};\n${body}`;
  return run(process.execPath, ['--expose-gc', '--input-type=module', '-e', script], { timeout: 110_000 });
}

/** Events do not keep a process alive, so a timer does until the first one. */
const untilConnected = `(h) => new Promise((resolve) => {
  const alive = setInterval(() => {}, 1_000);
  h.subscribe((event) => {
    if (event.kind !== 'connection') return;
    clearInterval(alive);
    resolve();
  });
})`;

describe('a process with a hypervisor', () => {
  test.each(['test:///default', 'qemu:///system'])('ends by itself after dispose on %s', async (uri) => {
    const { stdout } = await runInNode(`
      const h = createHypervisor({ uri: '${uri}' });
      await (${untilConnected})(h);
      await h.listDomains();
      await h[Symbol.asyncDispose]();
      console.log('disposed');`);

    expect(stdout).toBe('disposed\n');
  });

  test('ends by itself without dispose when nothing is being called, events or not', async () => {
    const { stdout } = await runInNode(`
      const h = createHypervisor({ uri: 'test:///default' });
      await (${untilConnected})(h);
      await h.listDomains();
      console.log('idle');`);

    expect(stdout).toBe('idle\n');
  });

  test('is kept alive by a call', async () => {
    const { stdout } = await runInNode(`
      const h = createHypervisor({ uri: 'test:///default' });
      h.listDomains().then((domains) => console.log(domains.length));`);

    expect(stdout).toBe('1\n');
  });

  test('starts and loads nothing before the first call', async () => {
    const { stdout } = await runInNode(`
      const before = process.getActiveResourcesInfo();
      createHypervisor({ uri: 'test:///default' });
      console.log(process.getActiveResourcesInfo().length - before.length);`);

    expect(stdout).toBe('0\n');
  });

  test('sees LIBVIRT_UNREACHABLE where there is no daemon, and nothing on stderr', async () => {
    const { stdout, stderr } = await runInNode(`
      const h = createHypervisor({ uri: 'qemu:///system?socket=/nonexistent' });
      await h.listDomains().catch((error) => console.log(error.code, error.message));`);

    expect(stdout).toMatch(/^LIBVIRT_UNREACHABLE .*\/nonexistent/);
    expect(stderr).toBe('');
  });

  // strings that are not freed make this grow by 8 MB a round, for ever; V8 settles after five rounds
  test('does not grow with the number of calls, failing ones included', async () => {
    const { stdout } = await runInNode(`
      const nobody = '00000000-0000-4000-8000-000000000000';
      const h = createHypervisor({ uri: 'test:///default' });
      const [{ uuid }] = await h.listDomains();
      const round = async () => {
        for (let i = 0; i < 1_000; i += 1) {
          await h.getDomainXml(uuid);
          await h.offersKvm();
          await h.listDomains();
          await h.listNetworks();
          await h.listInterfaceAddresses(uuid, 'lease');
          await h.getDomain(nobody).catch(() => {});
        }
        global.gc();
        return process.memoryUsage.rss() / 1e6;
      };
      for (let i = 0; i < 5; i += 1) await round();
      const before = await round();
      for (let i = 0; i < 3; i += 1) await round();
      console.log((await round()) - before);`);

    expect(Number(stdout)).toBeLessThan(12);
  });

  test('leaks no descriptors when the connection is lost over and over', async () => {
    await using proxy = await LibvirtProxy.start();
    const cutter = setInterval(() => proxy.cut(), 50);
    try {
      const { stdout } = await runInNode(`
        import { readdirSync } from 'node:fs';
        const h = createHypervisor({ uri: '${proxy.uri}' });
        h.subscribe(() => {});
        const rounds = async () => {
          for (let i = 0; i < 300; i += 1) {
            await h.listNetworks().catch(() => {});
            await new Promise((resolve) => setTimeout(resolve, 5));
          }
          return readdirSync('/proc/self/fd').length;
        };
        const before = await rounds();
        console.log((await rounds()) - before);`);

      expect(Number(stdout)).toBeLessThan(8);
    } finally {
      clearInterval(cutter);
    }
  });

  test('gives the connection for events back each time it is lost', async () => {
    await using proxy = await LibvirtProxy.start();
    const cutter = setInterval(() => proxy.cut(), 400);
    try {
      const { stdout } = await runInNode(`
        import { readdirSync } from 'node:fs';
        const h = createHypervisor({ uri: '${proxy.uri}' });
        const counts = [];
        const alive = setInterval(() => {}, 1_000);
        h.subscribe((event) => {
          if (event.kind !== 'connection' || !event.isConnected) return;
          counts.push(readdirSync('/proc/self/fd').length);
          if (counts.length < 10) return;
          clearInterval(alive);
          console.log(counts.at(-1) - counts[1]);
        });`);

      expect(Number(stdout)).toBeLessThan(3);
    } finally {
      clearInterval(cutter);
    }
  });
});
