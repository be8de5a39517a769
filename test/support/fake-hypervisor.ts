import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describeDomain } from '../../src/model/domain-xml/describe-domain.ts';
import { writeLabels } from '../../src/model/domain-xml/labels.ts';
import { attribute, parseXml, rootElement, selectElements, serializeXml } from '../../src/model/domain-xml/xml.ts';
import { DarkroomError } from '../../src/model/errors.ts';
import type { InstanceAddress, PowerState } from '../../src/model/instance.ts';
import type {
  AgentState,
  BlockJobInfo,
  DomainInfo,
  Hypervisor,
  HypervisorEvent,
  NetworkInfo,
} from '../../src/model/ports/hypervisor.ts';
import type { NetworkReservation } from '../../src/model/shelved-instance.ts';
import { type BackedUpDomain, createFakeBackups, type FakeBackups } from './fake-backups.ts';
import { createFakeCheckpoints } from './fake-checkpoints.ts';
import { moveToBase, moveToOverlay } from './fake-disk-chain.ts';

/** A domain of the fake; tests may change what they like. */
export interface FakeDomain extends BackedUpDomain {
  readonly uuid: string;
  readonly name: string;
  powerState: PowerState;
  /** null for a transient domain. */
  inactiveXml: string | null;
  /** null while it is off. */
  activeXml: string | null;
  hasManagedSave: boolean;
  /** Why it is paused, when it is. */
  hasIoError: boolean;
  /** Of the machine whose memory was saved; null without a managed save of a running domain. */
  managedSaveXml: string | null;
  isAutostart: boolean;
  agent: AgentState;
  fileSystems: number;
  isFrozen: boolean;
  /** Does what ACPI asks of it. */
  isObedient: boolean;
  internalSnapshots: number;
  readonly blockJobs: Map<string, BlockJobInfo>;
  addresses: readonly InstanceAddress[];
}

export interface FakeHypervisor extends Hypervisor {
  readonly domains: Map<string, FakeDomain>;
  networks: NetworkInfo[];
  reservations: NetworkReservation[];
  /** Where managed saves lie as files; null: nowhere that is known. */
  saveFolder: string | null;
  /** Paths that restoreDomain was given, in order. */
  readonly restoredFrom: string[];
  hasKvm: boolean;
  /** Limits that block jobs were given, in order. */
  readonly jobSpeeds: number[];
  /** A commit that was started is in step with its base at once. */
  areCommitsReady: boolean;
  readonly backups: FakeBackups;
  /** Defines a domain and brings it to a state. */
  put(xml: string, state?: Partial<Omit<FakeDomain, 'blockJobs' | 'brokenBitmaps' | 'changedBytes'>>): FakeDomain;
  emit(event: HypervisorEvent): void;
}

/** libvirt in memory: domains with a running and a persistent XML, one guest agent each, block jobs, events. */
export function createFakeHypervisor(): FakeHypervisor {
  const domains = new Map<string, FakeDomain>();
  const listeners = new Set<(event: HypervisorEvent) => void>();
  const readSize = makeSizeReader();
  const get = (uuid: string): FakeDomain => {
    const domain = domains.get(uuid);
    if (domain !== undefined) return domain;
    throw new DarkroomError('INSTANCE_NOT_FOUND', `There is no domain ${uuid}`);
  };
  const getActive = (uuid: string): FakeDomain => {
    const domain = get(uuid);
    if (domain.activeXml === null) throw failed(`domain ${domain.name} is not running`);
    return domain;
  };
  const emit = (event: HypervisorEvent): void => {
    for (const listener of listeners) listener(event);
  };
  const lifecycle = (uuid: string, event: string): void => emit({ kind: 'lifecycle', uuid, event, detail: 0 });
  const stop = (domain: FakeDomain): void => {
    domain.powerState = 'shutdown';
    domain.activeXml = null;
    domain.isFrozen = false;
    domain.blockJobs.clear();
    fake.backups.end(domain.uuid, 'cancelled');
    if (domain.inactiveXml === null) domains.delete(domain.uuid);
    lifecycle(domain.uuid, 'stopped');
  };
  const requireAgent = (domain: FakeDomain): void => {
    if (domain.agent === 'absent') throw new DarkroomError('QUIESCE_UNAVAILABLE', 'there is no guest agent');
    if (domain.agent === 'hung') throw new DarkroomError('AGENT_UNRESPONSIVE', 'the guest agent did not answer');
  };
  const forgetSave = (domain: FakeDomain): void => {
    domain.hasManagedSave = false;
    domain.managedSaveXml = null;
    const file = fake.managedSavePath(domain.name);
    if (file !== null) rmSync(file, { force: true });
  };
  const eachXml = (domain: FakeDomain, change: (xml: string) => string): void => {
    if (domain.activeXml !== null) domain.activeXml = change(domain.activeXml);
    if (domain.inactiveXml !== null) domain.inactiveXml = change(domain.inactiveXml);
  };

  const fake: FakeHypervisor = {
    domains,
    networks: [{ name: 'default', isActive: true }],
    reservations: [],
    saveFolder: null,
    restoredFrom: [],
    hasKvm: true,
    jobSpeeds: [],
    areCommitsReady: true,
    uri: 'fake:///system',
    put: (xml, state = {}) => {
      const domain = newDomain(xml);
      Object.assign(domain, state);
      if (domain.powerState === 'running' || domain.powerState === 'paused') domain.activeXml ??= domain.inactiveXml;
      domains.set(domain.uuid, domain);
      return domain;
    },
    emit,

    versions: async () => ({ driver: 'QEMU', libvirt: '9.0.0', hypervisor: '7.2.22' }),
    offersKvm: async () => fake.hasKvm,
    listDomains: async () => [...domains.values()].map((domain) => infoOf(domain, readSize)),
    describeDomains: async () =>
      [...domains.values()].flatMap((domain) => {
        const xml = domain.activeXml ?? domain.inactiveXml;
        return xml === null ? [] : [{ info: infoOf(domain, readSize), description: describeDomain(xml) }];
      }),
    getDomain: async (uuid) => infoOf(get(uuid), readSize),
    getDomainXml: async (uuid, { isInactive = false } = {}) => {
      const { activeXml, inactiveXml } = get(uuid);
      const xml = isInactive ? (inactiveXml ?? activeXml) : (activeXml ?? inactiveXml);
      if (xml === null) throw failed('the domain has no XML');
      return xml;
    },
    defineDomain: async (xml) => {
      const { uuid, name } = describeDomain(xml);
      const namesake = [...domains.values()].find((domain) => domain.name === name && domain.uuid !== uuid);
      if (namesake !== undefined) throw failed(`domain '${name}' already exists with uuid ${namesake.uuid}`);
      const known = domains.get(uuid);
      if (known === undefined) domains.set(uuid, newDomain(xml));
      else known.inactiveXml = xml;
      lifecycle(uuid, 'defined');
      return uuid;
    },
    undefineDomain: async (uuid, { nvram }) => {
      const domain = get(uuid);
      const nvramPath = domain.inactiveXml === null ? null : describeDomain(domain.inactiveXml).nvramPath;
      domain.inactiveXml = null;
      domain.checkpoints = [];
      forgetSave(domain);
      if (domain.activeXml === null) domains.delete(uuid);
      if (nvramPath !== null && nvram === 'remove') rmSync(nvramPath, { force: true });
      lifecycle(uuid, 'undefined');
    },
    setAutostart: async (uuid, { isEnabled }) => {
      get(uuid).isAutostart = isEnabled;
    },
    setLabels: async (uuid, labels) => {
      eachXml(get(uuid), (xml) => {
        const document = parseXml(xml);
        writeLabels(rootElement(document), labels);
        return serializeXml(document);
      });
      emit({ kind: 'metadata', uuid });
    },

    startDomain: async (uuid, { isPaused = false } = {}) => {
      const domain = get(uuid);
      if (domain.activeXml !== null || domain.inactiveXml === null) throw failed('domain is already running');
      domain.activeXml = domain.hasManagedSave ? (domain.managedSaveXml ?? domain.inactiveXml) : domain.inactiveXml;
      forgetSave(domain);
      domain.powerState = isPaused ? 'paused' : 'running';
      lifecycle(uuid, 'started');
    },
    createTransientDomain: async (xml) =>
      fake.put(xml, { powerState: 'running', inactiveXml: null, activeXml: xml }).uuid,
    shutdownDomain: async (uuid) => {
      const domain = getActive(uuid);
      if (domain.isObedient && domain.powerState === 'running') stop(domain);
    },
    rebootDomain: async (uuid) => {
      const domain = getActive(uuid);
      if (!domain.isObedient || domain.powerState !== 'running') return;
      lifecycle(uuid, 'shutdown');
      lifecycle(uuid, 'resumed');
    },
    destroyDomain: async (uuid) => stop(getActive(uuid)),
    suspendDomain: async (uuid) => {
      getActive(uuid).powerState = 'paused';
      lifecycle(uuid, 'suspended');
    },
    resumeDomain: async (uuid) => {
      getActive(uuid).powerState = 'running';
      lifecycle(uuid, 'resumed');
    },
    isStoppedByIoError: async (uuid) => get(uuid).powerState === 'paused' && get(uuid).hasIoError,
    managedSaveDomain: async (uuid) => {
      const domain = getActive(uuid);
      if (domain.inactiveXml === null) throw failed('cannot do managed save for transient domain');
      assertNoBackup(domain);
      domain.managedSaveXml = domain.activeXml;
      stop(domain);
      domain.hasManagedSave = true;
      domain.powerState = 'suspended';
      const file = fake.managedSavePath(domain.name);
      if (file !== null) writeFileSync(file, `memory of ${domain.name}`, { mode: 0o600 });
    },
    getManagedSaveXml: async (uuid) => {
      const { hasManagedSave, managedSaveXml } = get(uuid);
      if (!hasManagedSave || managedSaveXml === null) throw failed('domain does not have managed save image');
      return managedSaveXml;
    },
    defineManagedSaveXml: async (uuid, xml) => {
      const domain = get(uuid);
      if (!domain.hasManagedSave) throw failed('domain does not have managed save image');
      domain.managedSaveXml = xml;
    },
    managedSavePath: (domainName) =>
      fake.saveFolder === null ? null : path.join(fake.saveFolder, `${domainName}.save`),
    restoreDomain: async (file, { xml, isPaused }) => {
      const domain = get(describeDomain(xml).uuid);
      if (domain.activeXml !== null) throw failed(`domain '${domain.name}' is already active`);
      fake.restoredFrom.push(file);
      domain.activeXml = xml;
      domain.powerState = isPaused ? 'paused' : 'running';
      lifecycle(domain.uuid, 'started');
    },

    ...createFakeCheckpoints({ get, getActive, failed }),
    ...createFakeBackups({
      ...{ get, getActive, failed },
      onEnd: (uuid, disk, outcome) => {
        if (outcome !== 'none') emit({ kind: 'block-job', uuid, disk, status: outcome });
      },
    }),

    probeAgent: async (uuid) => {
      const domain = getActive(uuid);
      return domain.agent === 'answering' && domain.isFrozen ? 'frozen' : domain.agent;
    },
    freezeFileSystems: async (uuid) => {
      const domain = getActive(uuid);
      requireAgent(domain);
      if (domain.isFrozen) throw new DarkroomError('INSTANCE_FROZEN', 'the file systems are frozen already');
      domain.isFrozen = true;
      return domain.fileSystems;
    },
    thawFileSystems: async (uuid) => {
      const domain = getActive(uuid);
      requireAgent(domain);
      const thawed = domain.isFrozen ? domain.fileSystems : 0;
      domain.isFrozen = false;
      return thawed;
    },

    createDiskSnapshot: async (uuid, snapshotXml) => {
      const domain = getActive(uuid);
      assertNoBackup(domain);
      for (const disk of selectElements('./disks/disk', rootElement(parseXml(snapshotXml)))) {
        const overlay = attribute('./source', 'file', disk);
        const target = disk.getAttribute('name') ?? '';
        if (overlay !== null) eachXml(domain, (xml) => moveToOverlay(xml, { target, overlay }));
      }
    },
    countInternalSnapshots: async (uuid) => get(uuid).internalSnapshots,
    getBlockJob: async (uuid, target) => get(uuid).blockJobs.get(target) ?? null,
    startActiveCommit: async (uuid, { target, bandwidthBytesPerSecond }) => {
      const { blockJobs } = getActive(uuid);
      if (blockJobs.has(target)) throw failed(`disk ${target} already in active block job`);
      const isReady = fake.areCommitsReady;
      fake.jobSpeeds.push(bandwidthBytesPerSecond);
      blockJobs.set(target, { type: 'active-commit', done: isReady ? 100 : 0, total: 100, hasMirror: true, isReady });
      if (isReady) emit({ kind: 'block-job', uuid, disk: target, status: 'ready' });
    },
    setBlockJobSpeed: async (uuid, target, bandwidthBytesPerSecond) => {
      if (!getActive(uuid).blockJobs.has(target)) throw failed(`disk ${target} does not have an active block job`);
      fake.jobSpeeds.push(bandwidthBytesPerSecond);
    },
    pivotBlockJob: async (uuid, target) => {
      const domain = getActive(uuid);
      const job = domain.blockJobs.get(target);
      const isKnownReady = job?.isReady === true || (job?.hasMirror === false && job.done === job.total);
      if (!isKnownReady) throw failed(`block copy of ${target} is not ready`);
      domain.blockJobs.delete(target);
      eachXml(domain, (xml) => moveToBase(xml, { target }));
      emit({ kind: 'block-job', uuid, disk: target, status: 'completed' });
    },
    abortBlockJob: async (uuid, target) => {
      if (getActive(uuid).blockJobs.delete(target))
        emit({ kind: 'block-job', uuid, disk: target, status: 'cancelled' });
    },

    listInterfaceAddresses: async (uuid, source) => get(uuid).addresses.filter((address) => address.source === source),
    listNetworks: async () => fake.networks,
    startNetwork: async (name) => {
      fake.networks = fake.networks.map((network) => (network.name === name ? { name, isActive: true } : network));
    },
    listReservations: async () => fake.reservations,
    addReservation: async (reservation) => {
      const { network, mac, address, name } = reservation;
      if (!fake.networks.some((known) => known.name === network)) {
        throw new DarkroomError('NETWORK_NOT_FOUND', `There is no network ${network}`);
      }
      const isTaken = fake.reservations.some(
        (other) =>
          other.network === network &&
          (other.mac === mac || other.address === address || (name !== null && other.name === name)),
      );
      if (isTaken) throw failed('there is an existing dhcp host entry in the network that matches');
      fake.reservations = [...fake.reservations, reservation];
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    [Symbol.asyncDispose]: async () => listeners.clear(),
  };
  return fake;
}

function newDomain(xml: string): FakeDomain {
  const { uuid, name } = describeDomain(xml);
  return {
    uuid,
    name,
    powerState: 'shutdown',
    inactiveXml: serializeXml(parseXml(xml)),
    activeXml: null,
    hasManagedSave: false,
    hasIoError: false,
    managedSaveXml: null,
    isAutostart: false,
    agent: 'absent',
    fileSystems: 1,
    isFrozen: false,
    isObedient: true,
    internalSnapshots: 0,
    checkpoints: [],
    brokenBitmaps: new Set(),
    changedBytes: new Map(),
    backup: null,
    backupOutcome: 'none',
    blockJobs: new Map(),
    addresses: [],
  };
}

/** Reading XML takes most of the time of tests that ask again and again. */
function makeSizeReader(): (xml: string) => Pick<DomainInfo, 'vcpus' | 'memoryMiB'> {
  let last = { xml: '', vcpus: 0, memoryMiB: 0 };
  return (xml) => {
    if (xml !== last.xml) {
      const { vcpus, memoryMiB } = describeDomain(xml);
      last = { xml, vcpus, memoryMiB };
    }
    return last;
  };
}

function infoOf(domain: FakeDomain, readSize: ReturnType<typeof makeSizeReader>): DomainInfo {
  const { vcpus, memoryMiB } = readSize(domain.activeXml ?? domain.inactiveXml ?? '');
  const { uuid, name, powerState, isAutostart, hasManagedSave } = domain;
  return {
    uuid,
    name,
    powerState,
    isPersistent: domain.inactiveXml !== null,
    isAutostart,
    hasManagedSave,
    vcpus,
    memoryMiB,
  };
}

function assertNoBackup(domain: FakeDomain): void {
  if (domain.backup !== null) throw failed('cannot acquire state change lock (held by a backup)');
}

function failed(message: string): DarkroomError {
  return new DarkroomError('LIBVIRT_FAILED', message, { fields: { libvirtCode: 55, libvirtDomain: 10 } });
}
