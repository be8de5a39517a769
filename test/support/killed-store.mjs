// One call of a directory store, in a process that is killed before the nth change that the call makes to the file system.
// Arguments: driver, location, n, method, its arguments as JSON. Ends with 0 when there were fewer changes. A method with a dot
// is one of what the call gives: `draft.moveIn`.
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import path from 'node:path';

const [driver, location, count, method, args] = process.argv.slice(2);
let left = Number(count);

for (const name of ['rename', 'rm', 'mkdir', 'chmod', 'open', 'unlink', 'link']) {
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

const { createDirectoryStore, createDirectorySnapshots } = await import(driver);
const [call, then] = method.split('.');
const store = (createDirectoryStore ?? createDirectorySnapshots)({ location, imageGroup: 'kvm' });
const result = await store[call](...JSON.parse(args));
if (then !== undefined) await result[then]();
