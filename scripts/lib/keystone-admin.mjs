// keystone-admin.mjs users URL FILE: makes the users of a fresh Keystone, and an application credential in FILE.
// keystone-admin.mjs endpoint URL TYPE ADDRESS: names a service in the catalogue. PASSWORD is the administrator's.
// https://docs.openstack.org/api-ref/identity/v3/
import { writeFileSync } from 'node:fs';

const DOMAIN = 'default';
const INTERFACES = ['public', 'internal', 'admin'];
const [verb, url, ...rest] = process.argv.slice(2);
const password = process.env.PASSWORD;

const admin = await signIn('admin', 'admin');
if (verb === 'users') await makeUsers(rest[0]);
else if (verb === 'endpoint') await nameEndpoint(rest[0], rest[1]);
else throw new Error(`no verb ${verb}`);

async function makeUsers(file) {
  await makeUser('glance', 'service', 'admin');
  await makeUser('other', 'other', 'member');
  await makeUser('demo', 'demo', 'member');
  const credential = await makeCredential(await signIn('demo', 'demo'));
  writeFileSync(file, `${JSON.stringify({ authUrl: url, ...credential }, null, 2)}\n`, { mode: 0o600 });
}

async function makeUser(name, projectName, roleName) {
  const project = await findOrMake('project', { name: projectName, domain_id: DOMAIN });
  const user = await findOrMake('user', { name, password, domain_id: DOMAIN });
  const { roles } = await ask('GET', `/roles?name=${roleName}`);
  await ask('PUT', `/projects/${project.id}/users/${user.id}/roles/${roles[0].id}`);
}

async function makeCredential(token) {
  const path = `/users/${token.user.id}/application_credentials`;
  const body = { application_credential: { name: 'darkroom' } };
  const { application_credential: made } = await ask('POST', path, { token, body });
  return { id: made.id, name: made.name, secret: made.secret, projectId: made.project_id, userId: token.user.id };
}

/** Told again, the address is another one. */
async function nameEndpoint(type, address) {
  const service = await findOrMake('service', { name: type === 'image' ? 'glance' : type, type });
  for (const kind of INTERFACES) {
    const { endpoints } = await ask('GET', `/endpoints?service_id=${service.id}&interface=${kind}`);
    const endpoint = { service_id: service.id, interface: kind, region_id: 'RegionOne', url: address };
    if (endpoints.length === 0) await ask('POST', '/endpoints', { body: { endpoint } });
    else await ask('PATCH', `/endpoints/${endpoints[0].id}`, { body: { endpoint } });
  }
}

async function findOrMake(kind, fields) {
  const found = await ask('GET', `/${kind}s?name=${encodeURIComponent(fields.name)}`);
  if (found[`${kind}s`].length > 0) return found[`${kind}s`][0];
  return (await ask('POST', `/${kind}s`, { body: { [kind]: fields } }))[kind];
}

async function signIn(name, project) {
  const domain = { id: DOMAIN };
  const identity = { methods: ['password'], password: { user: { name, domain, password } } };
  const body = { auth: { identity, scope: { project: { name: project, domain } } } };
  const answer = await send('POST', '/auth/tokens', { body });
  const { token } = await answer.json();
  return { id: answer.headers.get('x-subject-token'), user: token.user };
}

async function ask(method, path, { token = admin, body } = {}) {
  const answer = await send(method, path, { token, body });
  const text = await answer.text();
  return text === '' ? {} : JSON.parse(text);
}

async function send(method, path, { token, body } = {}) {
  const headers = { 'content-type': 'application/json', ...(token && { 'x-auth-token': token.id }) };
  const answer = await fetch(`${url}${path}`, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer;
}
