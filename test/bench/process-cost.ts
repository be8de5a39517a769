import { readFile } from 'node:fs/promises';

const TICKS_PER_SECOND = 100;

/** Seconds of processor time that a process has used, with all its threads: fields 14 and 15 of /proc/PID/stat (proc(5)). */
export async function readCpuSeconds(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
