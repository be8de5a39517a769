// One call of a directory store, in a process that is killed before the nth change that the call makes to the file system.
// Arguments: driver, location, n, method, its arguments as JSON. Ends with 0 when there were fewer changes.
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';

const [driver, location, count, method, args] = process.argv.slice(2);
let left = Number(count);

for (const name of ['rename', 'rm', 'mkdir', 'chmod', 'open', 'unlink']) {
  const original = fs[name];
  fs[name] = async (...given) => {
    left -= 1;
    if (left > 0) return await original(...given);
    // a tree does not go at once
    if (name === 'rm' && given[1]?.recursive === true) await removeSome(given[0]);
    process.kill(process.pid, 'SIGKILL');
    await new Promise(() => setInterval(() => undefined, 1000));
  };
  async function removeSome(folder) {
    const [first] = (await fs.readdir(folder).catch(() => [])).sort();
    if (first !== undefined) await original(path.join(folder, first), { recursive: true });
  }
}
syncBuiltinESMExports();

const { createDirectoryStore } = await import(driver);
await createDirectoryStore({ location, imageGroup: 'kvm' })[method](...JSON.parse(args));
