/** Where file systems are mounted, of /proc/PID/mountinfo (https://man7.org/linux/man-pages/man5/proc_pid_mountinfo.5.html). */
export function readMountPoints(mountinfo: string): string[] {
  return mountinfo.split('\n').flatMap((line) => {
    const point = line.split(' ')[4];
    return point === undefined
      ? []
      : [point.replace(/\\([0-7]{3})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 8)))];
  });
}
