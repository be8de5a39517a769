// An operation by the built application, which ends itself with SIGKILL at a chosen call, or waits there.
// Its one argument is JSON: { request, at?: { call, nth, when }, mode: record | die | hold, hurry?, isHeldFirst?, isInRecovery? }.
// isHeldFirst: waits when it has recovered, before it begins; isInRecovery: its point is one of that recovery.
// Tells of every call that changes something on standard output, one JSON line each.
import { writeSync } from 'node:fs';
import { compose } from '../../../dist/compose.js';
import { loadSettings } from '../../../dist/config/load-settings.js';

/** The calls of a capture that change the world, or of which its course depends. */
const OF_A_CAPTURE = {
  hypervisor: [
    'freezeFileSystems',
    'thawFileSystems',
    'suspendDomain',
    'resumeDomain',
    'createDiskSnapshot',
    'startActiveCommit',
    'pivotBlockJob',
    'defineDomain',
  ],
  diskTool: ['create', 'convert', 'commit'],
  files: ['remove'],
  store: ['createDraft'],
  draft: ['seal', 'sealFrom', 'publish', 'discard'],
  journal: ['begin', 'enterStep', 'saveFacts', 'finish'],
};

/** Those of what shelves, offloads and unshelves: it takes machines apart and puts them together. */
const OF_A_SHELF = {
  hypervisor: [
    'shutdownDomain',
    'destroyDomain',
    'suspendDomain',
    'managedSaveDomain',
    'undefineDomain',
    'defineDomain',
    'setAutostart',
    'redefineCheckpoint',
    'addReservation',
    'startDomain',
    'restoreDomain',
    'resumeDomain',
  ],
  diskTool: ['create', 'convert', 'rebase'],
  files: [
    'makeDirectory',
    'writeDurably',
    'tryClone',
    'tryLink',
    'copy',
    'copyTree',
    'rename',
    'setOwnership',
    'remove',
    'removeTree',
  ],
  store: ['createDraft', 'deleteImage', 'addUser', 'removeUser'],
  draft: ['seal', 'sealFrom', 'publish', 'discard'],
  shelf: ['write', 'remove', 'claim', 'releaseClaim', 'stealClaim'],
  journal: ['begin', 'enterStep', 'saveFacts', 'finish'],
};

/** Those of what makes, deletes and restores snapshots. */
const OF_A_SNAPSHOT = {
  hypervisor: [
    'freezeFileSystems',
    'thawFileSystems',
    'suspendDomain',
    'resumeDomain',
    'beginBackup',
    'abortBackup',
    'redefineCheckpoint',
    'deleteCheckpoint',
    'defineDomain',
  ],
  diskTool: ['create', 'convert', 'rebase', 'commit', 'copyDirty', 'addBitmap', 'removeBitmap', 'resize'],
  files: ['reserve', 'releaseReserve', 'rename', 'copy', 'tryClone', 'tryLink', 'setOwnership', 'sync', 'remove'],
  snapshots: ['draft', 'discardDrafts', 'publish', 'update', 'remove', 'claim', 'stealClaim', 'releaseClaim'],
  draft: ['seal', 'moveIn', 'discard'],
  journal: ['begin', 'enterStep', 'saveFacts', 'finish'],
};

// a late signal must not end it
process.on('SIGUSR2', () => {});

const job = JSON.parse(process.argv[2] ?? '{}');
const watched = watchedOf(job.request.kind);
const counts = new Map();
let isRecovering = true;

function watchedOf(kind) {
  if (kind.startsWith('snapshot.')) return OF_A_SNAPSHOT;
  return kind === 'image.create' ? OF_A_CAPTURE : OF_A_SHELF;
}

/** Synchronous: what was told is told, whatever comes after. */
function tell(fact) {
  writeSync(1, `${JSON.stringify(fact)}\n`);
}

async function meet(call, nth, when) {
  const { at, mode } = job;
  if (isRecovering && job.isInRecovery !== true) return;
  if (at === undefined || at.call !== call || at.nth !== nth || at.when !== when) return;
  tell({ met: at });
  if (mode === 'die') {
    process.kill(process.pid, 'SIGKILL');
    await new Promise(() => {});
  }
  await new Promise((resolve) => process.once('SIGUSR2', resolve));
}

function watch(name, port) {
  return new Proxy(port, {
    get(object, method) {
      const value = Reflect.get(object, method, object);
      if (typeof value !== 'function') return value;
      if (watched[name]?.includes(method) !== true) return value.bind(object);
      // makes a name, and nothing in the world
      if (name === 'snapshots' && method === 'draft') return (...args) => watch('draft', object.draft(...args));
      return (...args) => run(`${name}.${method}`, { object, value, args });
    },
  });
}

async function run(call, { object, value, args }) {
  const nth = (counts.get(call) ?? 0) + 1;
  counts.set(call, nth);
  if (!isRecovering || job.isInRecovery === true)
    tell({ call, nth, ...(call === 'journal.enterStep' ? { step: args[1] } : {}) });
  await meet(call, nth, 'before');
  const working = Reflect.apply(value, object, args);
  // the question is on its way to libvirt, and its answer will find nobody
  if (job.at?.when === 'during') setTimeout(() => meet(call, nth, 'during'), job.at.afterMs ?? 2);
  const result = await working;
  await meet(call, nth, 'after');
  return ['store.createDraft', 'store.openDraft'].includes(call) ? watch('draft', result) : result;
}

/** Time that is waited for runs faster, for tests of long patience. */
function hurry(clock) {
  if (job.hurry === undefined) return clock;
  return { ...clock, now: () => clock.now(), monotonicMs: () => clock.monotonicMs() * job.hurry };
}

const settings = loadSettings({ env: process.env, flags: { logLevel: process.env.DARKROOM_LOG_LEVEL ?? 'warn' } });
const application = await compose(settings, {
  adapt: (core) => ({
    ...core,
    clock: hurry(core.clock),
    hypervisor: watch('hypervisor', core.hypervisor),
    diskTool: watch('diskTool', core.diskTool),
    files: watch('files', core.files),
    store: watch('store', core.store),
    snapshots: watch('snapshots', core.snapshots),
    shelf: watch('shelf', core.shelf),
    journal: watch('journal', core.journal),
  }),
});
try {
  await application.recover();
  isRecovering = false;
  if (job.isInRecovery !== true) counts.clear();
  if (job.isHeldFirst === true) {
    // nothing else keeps it alive
    const waiting = setInterval(() => {}, 1000);
    const [newest = null] = await application.operations.list();
    tell({ recovered: true, newest });
    await new Promise((resolve) => process.once('SIGUSR2', resolve));
    clearInterval(waiting);
  }
  const { id } = await application.operations.submit(job.request);
  tell({ submitted: id });
  for await (const operation of application.operations.watch(id)) tell({ operation });
} catch (error) {
  tell({ refused: { code: error.code ?? null, message: error.message } });
}
await application[Symbol.asyncDispose]();
process.exit(0);
