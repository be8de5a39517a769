import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { createAgentHome, untilLogged } from './agent-process.ts';

it('takes over a new configuration file at SIGHUP and tells systemd', async () => {
  await using home = await createAgentHome();
  const agent = await home.start();
  await home.configure({ log_level: 'warn', store: '/elsewhere', quota: { max_images: 0 } });
  agent.kill('SIGHUP');
  await untilLogged(agent, 'these settings need a restart of the agent to change');
  expect(agent.logLines.at(-1)).toMatchObject({ settings: ['store'] });
  agent.kill('SIGTERM');
  const { exitCode } = await agent.ended;
  expect(exitCode).toBe(0);
  // below the new level
  expect(agent.logLines.map(({ msg }) => msg)).not.toContain('stopped');
  const told = home.systemd.messages.filter((text) => /^(RELOADING|READY)/.test(text));
  expect(told).toEqual([
    expect.stringMatching(/^READY=1/),
    expect.stringMatching(/^RELOADING=1\nMONOTONIC_USEC=\d+$/),
    expect.stringMatching(/^READY=1/),
  ]);
});

it('goes on with the old settings when the new file is broken, and says what is wrong with it', async () => {
  await using home = await createAgentHome();
  const agent = await home.start();
  await writeFile(path.join(home.folder, 'darkroom.yaml'), 'quota: [');
  agent.kill('SIGHUP');
  await untilLogged(agent, 'the new settings are not used, the old ones stay');
  expect(agent.logLines.at(-1)?.['error']).toContain('darkroom.yaml');
  expect((await home.client.agent.status()).isStopping).toBe(false);
  await home.configure({});
  agent.kill('SIGHUP');
  await untilLogged(agent, 'settings reloaded');
});

it('refuses to start with a broken file', async () => {
  await using home = await createAgentHome();
  await home.configure({ stop_timeuot: 5 });
  const { exitCode, stderr } = await home.launch().ended;
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining('did you mean stop_timeout')]);
});
