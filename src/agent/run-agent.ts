import type { AgentStatus } from '../api/schemas/agent.ts';
import { compose, composeDaemon, composeLog } from '../compose.ts';
import type { Settings } from '../config/settings.ts';
import type { RootLogger } from '../lib/logger.ts';
import type { Clock } from '../model/ports/host.ts';
import type { ServiceManager } from '../model/ports/service-manager.ts';
import type { Application } from '../operations/application.ts';
import type { ApiApp } from './api-app.ts';
import { startBackground } from './daemon/background.ts';
import { createDescription } from './daemon/describe-agent.ts';
import { letGoInTime } from './daemon/let-go.ts';
import { LibvirtCheck } from './daemon/libvirt-check.ts';
import { type Listeners, openListeners } from './daemon/listeners.ts';
import { recoverFirst } from './daemon/recover-first.ts';
import { reloadSettings } from './daemon/reload-settings.ts';
import { type DaemonSignals, listenForSignals, type SignalSource, whenAborted } from './daemon/signals.ts';
import { stopWork, undoWork } from './daemon/stop-work.ts';
import { requireNoAgent } from './daemon/unix-socket.ts';
import { keepAlive } from './daemon/watchdog.ts';
import { refuseWork, WorkGate } from './daemon/work-gate.ts';
import { buildDaemonApp } from './daemon-app.ts';
import { createOutages, type Outages } from './health/outages.ts';
import { createReadiness } from './health/readiness.ts';
import { createMetrics, type Metrics } from './metrics/metrics.ts';
import { addAgentRoutes } from './routes/agent.ts';
import { addHealthRoutes } from './routes/health.ts';
import { addMetricsRoutes } from './routes/metrics.ts';

export interface AgentParts {
  readonly version: string;
  /** Read at the start and at every reload. */
  readonly loadSettings: () => Settings;
  readonly environment: NodeJS.ProcessEnv;
  readonly signals: SignalSource;
}

/** The daemon of this host, from its start until a signal ends it. What keeps it from starting is thrown. */
export async function runAgent({ version, loadSettings, environment, signals: source }: AgentParts): Promise<void> {
  const { service, clock } = composeDaemon(environment);
  using signals = listenForSignals(source);
  const settings: Settings = { ...loadSettings() };
  const log = composeLog(settings);
  await serve({ version, loadSettings, settings, service, clock, signals, log });
  log.info({}, 'stopped');
}

interface Daemon {
  readonly version: string;
  readonly loadSettings: () => Settings;
  /** One object for all that look at it: a reload changes what is in it. */
  readonly settings: Settings;
  readonly service: ServiceManager;
  readonly clock: Clock;
  readonly signals: DaemonSignals;
  readonly log: RootLogger;
}

async function serve(daemon: Daemon): Promise<void> {
  const { settings, service, signals, log } = daemon;
  const startedMs = daemon.clock.monotonicMs();
  if (service.sockets.length === 0) await requireNoAgent(settings.socket);

  const outages = createOutages(log);
  const application = await compose(settings, { isDaemon: true, log, onStoreOutage: outages.tell });
  await using _end = letGoInTime(application, log);
  const libvirt = new LibvirtCheck(application);
  const metrics = createMetrics(application, { ...daemon, libvirt });
  // before recovery: what it puts right is counted
  await metrics.begin();
  await recoverFirst({ application, libvirt, service, log });

  const running: RunningDaemon = { ...daemon, application, libvirt, metrics, outages, gate: new WorkGate() };
  const places: Places = { socket: null, listen: null };
  const app = buildAgentApp(running, places);
  await using listeners = await openListeners(app, { settings, inherited: service.sockets, log });
  Object.assign(places, { socket: listeners.socket, listen: listeners.listen });

  service.ready(describeBriefly(running));
  log.info({ ...places, startMs: Math.round(daemon.clock.monotonicMs() - startedMs) }, 'agent is ready');
  using _life = watchAndReload(running, listeners);
  const background = startBackground(running);

  await whenAborted(signals.stop);
  const rest = background.stop();
  await stopWork(running, signals.hurry);
  await listeners[Symbol.asyncDispose]();
  // what a request of the last moment began
  await undoWork(running);
  await app.close();
  await rest;
}

interface RunningDaemon extends Daemon {
  readonly application: Application;
  readonly libvirt: LibvirtCheck;
  readonly metrics: Metrics;
  readonly outages: Outages;
  readonly gate: WorkGate;
}

/** Known once it listens. */
type Places = Pick<AgentStatus, 'socket' | 'listen'>;

function buildAgentApp(running: RunningDaemon, places: Places): ApiApp {
  const describe = createDescription({ ...running, places });
  return buildDaemonApp({
    application: running.application,
    settings: running.settings,
    logger: running.log,
    version: running.version,
    extend: (app) => {
      addMetricsRoutes(app, running.metrics);
      addHealthRoutes(
        app,
        createReadiness({ ...running, lastOutage: () => running.outages.last(running.settings.stores[0]?.name ?? '') }),
      );
      refuseWork(app, running.gate);
      addAgentRoutes(app, describe);
    },
  });
}

/** What goes on beside the requests, until it is disposed of. */
function watchAndReload(running: RunningDaemon, listeners: Listeners): Disposable {
  const ended = new AbortController();
  const describe = () => describeBriefly(running);
  void keepAlive({ ...running, describe }, ended.signal);
  let reloading = Promise.resolve();
  running.signals.onReload(() => {
    reloading = reloading.then(async () => {
      if (!running.gate.isClosed) await reloadSettings({ ...running, listeners, describe });
    });
  });
  return { [Symbol.dispose]: () => ended.abort() };
}

function describeBriefly({ gate, settings }: RunningDaemon): string {
  return gate.isClosed ? 'Stopping' : `Ready for ${settings.connectUri}`;
}
