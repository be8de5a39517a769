import type { Stats } from 'node:fs';
import { chmod, chown, link, lstat, mkdir, rename, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { lookUpHostGroup } from '../../lib/host-groups.ts';
import type { Logger } from '../../lib/logger.ts';
import { DarkroomError } from '../../model/errors.ts';
import type { HttpServer } from './http-server.ts';
import { errnoOf, listenFailed } from './listen-errors.ts';

const GROUP_MODE = 0o660;
/** What is taken away while the socket is made: it is the owner's alone until it belongs to its group. */
const OWNER_ONLY = 0o177;
const FOLDER_MODE = 0o755;
/** Of a path in `sun_path` (unix(7)); Node would cut off the rest and listen somewhere else. */
const MAX_PATH_BYTES = 107;

export interface UnixSocketOptions {
  readonly path: string;
  /** Who may connect besides root. */
  readonly group: string;
  readonly log: Logger;
}

/**
 * Listens at a path. A file that an agent left when it died is replaced; AGENT_RUNNING when somebody listens there.
 * At no time can anybody connect who may not: the mode is that of the owner alone from the first moment.
 */
export async function listenAtPath(http: HttpServer, options: UnixSocketOptions): Promise<void> {
  if (Buffer.byteLength(options.path) > MAX_PATH_BYTES) {
    throw listenFailed(options.path, new Error(`a socket's path has at most ${MAX_PATH_BYTES} bytes`));
  }
  try {
    await mkdir(path.dirname(options.path), { recursive: true, mode: FOLDER_MODE });
    await removeStaleSocket(options.path);
    await listenAsOwner(http, options.path);
  } catch (error) {
    if (error instanceof DarkroomError) throw error;
    if (errnoOf(error) === 'EADDRINUSE') throw alreadyRunning(options.path);
    throw listenFailed(options.path, error);
  }
  await openToGroup(options);
}

/** AGENT_RUNNING when somebody listens at the path already, whoever it is. */
export async function requireNoAgent(socketPath: string): Promise<void> {
  if (await isAnswering(socketPath)) throw alreadyRunning(socketPath);
}

/** Node binds before `listen` returns, so nothing else of this thread is made under this mask. */
async function listenAsOwner(http: HttpServer, socketPath: string): Promise<void> {
  const mask = process.umask(OWNER_ONLY);
  let listening: Promise<void>;
  try {
    listening = http.listen({ path: socketPath });
  } finally {
    process.umask(mask);
  }
  await listening;
}

async function openToGroup({ path: socketPath, group, log }: UnixSocketOptions): Promise<void> {
  const gid = await lookUpHostGroup(group);
  const hint = 'socket open to its owner alone';
  if (gid === null) return log.warn({ group, socket: socketPath }, `there is no such group: ${hint}`);
  try {
    await chown(socketPath, -1, gid);
    await chmod(socketPath, GROUP_MODE);
  } catch (error) {
    log.warn({ group, socket: socketPath, error: String(error) }, `socket cannot be given to the group: ${hint}`);
  }
}

/**
 * Moves the file aside before it is deleted, and looks whether it is the one that nobody answered at: another agent
 * that starts at the same moment may have put its own there. That one is given its name back.
 */
async function removeStaleSocket(socketPath: string): Promise<void> {
  const found = await statIfThere(socketPath);
  if (found === null) return;
  if (!found.isSocket()) throw new DarkroomError('LISTEN_FAILED', `${socketPath} is there, and is no socket.`);
  await requireNoAgent(socketPath);
  const aside = `${socketPath}.${process.pid}`;
  await rename(socketPath, aside);
  const isTheOne = (await lstat(aside)).ino === found.ino;
  if (!isTheOne) await link(aside, socketPath);
  await rm(aside);
  if (!isTheOne) throw alreadyRunning(socketPath);
}

async function statIfThere(file: string): Promise<Stats | null> {
  try {
    return await lstat(file);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Whoever accepts counts, even one that then says nothing: an agent that hangs is still one. */
function isAnswering(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    const settle = (isThere: boolean): void => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', () => settle(true));
    // EAGAIN: its queue is full
    socket.once('error', (error) => settle(errnoOf(error) === 'EAGAIN'));
  });
}

function alreadyRunning(socketPath: string): DarkroomError {
  const message = `An agent listens at ${socketPath} already. Stop it first, or give this one a socket of its own with --socket.`;
  return new DarkroomError('AGENT_RUNNING', message, { fields: { socket: socketPath } });
}
