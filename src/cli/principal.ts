import type { Argv } from 'yargs';
import type { CreatePrincipalBody, PrincipalWithToken } from '../api/schemas/principals.ts';
import { ROLES } from '../model/access.ts';
import type { CommandContext, CommandHost } from './context.ts';
import type { GlobalOptions } from './global-options.ts';
import { printResult } from './output.ts';
import { renderPrincipals, summarizePrincipal } from './render/principal.ts';
import { printable } from './render/text.ts';

export function addVerbs(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  addPrincipalList(yargs, host);
  addPrincipalCreate(yargs, host);
  addPrincipalVerb(yargs, host, {
    verb: 'token',
    describe: 'Give a principal a new token; the old one is worthless then',
    example: 'The token alone on stdout',
    run: renewToken,
  });
  addPrincipalVerb(yargs, host, {
    verb: 'delete',
    describe: 'Take a principal its access; what it made stays',
    example: 'Neither its token nor its certificate opens anything any more',
    run: deletePrincipal,
  });
}

function addPrincipalList(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'list',
    'List the principals of this host',
    (command) => command.example('$0 principal list', 'Names, roles, and how they are known'),
    (argv) => host.execute(argv, { recovery: 'none', run: listPrincipals }),
  );
}

function addPrincipalCreate(yargs: Argv<GlobalOptions>, host: CommandHost): void {
  yargs.command(
    'create <name>',
    'Let somebody in; the token is told once, and kept nowhere',
    (command) =>
      command
        .positional('name', {
          type: 'string',
          demandOption: true,
          describe: 'Also the common name (CN) of its client certificate',
        })
        .option('role', {
          choices: ROLES,
          demandOption: true,
          requiresArg: true,
          describe: "reader: sees; operator: works on its own and the host's; admin: everything",
        })
        .option('no-token', { type: 'boolean', default: false, describe: 'It comes with its certificate alone' })
        .example('$0 principal create ci --role operator > ci.token', 'The token alone on stdout')
        .example('$0 principal create anna --role admin --no-token', 'Known by a certificate with CN=anna'),
    (argv) =>
      host.execute(argv, {
        recovery: 'none',
        run: (context) => createPrincipal(context, { name: argv.name, role: argv.role, hasToken: !argv.noToken }),
      }),
  );
}

interface PrincipalVerb {
  readonly verb: string;
  readonly describe: string;
  readonly example: string;
  run(context: CommandContext, name: string): Promise<number>;
}

function addPrincipalVerb(yargs: Argv<GlobalOptions>, host: CommandHost, spec: PrincipalVerb): void {
  yargs.command(
    `${spec.verb} <name>`,
    spec.describe,
    (command) =>
      command
        .positional('name', { type: 'string', demandOption: true, describe: 'Name of the principal' })
        .example(`$0 principal ${spec.verb} ci`, spec.example),
    (argv) => host.execute(argv, { recovery: 'none', run: (context) => spec.run(context, argv.name) }),
  );
}

export async function listPrincipals({ client, output }: CommandContext): Promise<number> {
  const principals = await client.principals.list();
  await printResult(output, principals, () => renderPrincipals(principals));
  return 0;
}

export async function createPrincipal(context: CommandContext, body: CreatePrincipalBody): Promise<number> {
  return await printToken(context, await context.client.principals.create(body));
}

export async function renewToken(context: CommandContext, name: string): Promise<number> {
  return await printToken(context, await context.client.principals.renewToken(name));
}

export async function deletePrincipal({ client, output }: CommandContext, name: string): Promise<number> {
  await client.principals.delete(name);
  await printResult(output, { name, isDeleted: true }, () => `principal ${printable(name)}: deleted`);
  return 0;
}

/** For people the token stands alone on stdout, so that a file or a pipe holds it and nothing else. */
async function printToken({ output }: CommandContext, made: PrincipalWithToken): Promise<number> {
  const { principal, token } = made;
  await printResult(output, made, () => token ?? summarizePrincipal(principal));
  if (token === null || output.isJson) return 0;
  output.stderr.write(
    `${summarizePrincipal(principal)}. Its token is told this once: keep it where others cannot read it.\n`,
  );
  return 0;
}
