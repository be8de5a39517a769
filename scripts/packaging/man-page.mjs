// man-page.mjs MAIN_JS VERSION EPOCH: prints darkroom(8). Commands and options are what the program's own --help says.
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';

const [program, version, epoch] = process.argv.slice(2);
const run = promisify(execFile);

const SHOWN_ONCE = ['Everywhere', 'Commands'];
const SHOWN_ONCE_OPTIONS = ['--help', '--version'];

const top = await readHelp([]);
const commands = (await Promise.all(top.commands.map(readCommands))).flat();
const date = new Date(Number(epoch) * 1000).toISOString().slice(0, 10);
const written = readFileSync(new URL('./man-page.roff', import.meta.url), 'utf8');

process.stdout.write(
  [
    `.TH DARKROOM 8 ${date} "darkroom ${version}" "System administration"`,
    '.SH NAME',
    'darkroom \\- snapshots, images, shelving and backups of KVM virtual machines',
    '.SH SYNOPSIS',
    '.B darkroom',
    '.I noun verb',
    '[arguments] [options]',
    '.SH DESCRIPTION',
    roff(top.description),
    ...section('COMMANDS', commands.flatMap(renderCommand)),
    ...section('OPTIONS OF ALL COMMANDS', [
      ...entries(top.sections.get('Everywhere') ?? []),
      ...entries(top.sections.get('Options') ?? []),
    ]),
    written.trimEnd(),
    '',
  ].join('\n'),
);

/** The command itself, or those below it where it is a noun. */
async function readCommands({ term, text }) {
  const words = wordsOf(term);
  // it prints its script, whatever is asked of it
  if (words[0] === 'completion') return [{ usage: term, description: text, sections: new Map(), commands: [] }];
  const help = await readHelp(words);
  return help.commands.length === 0 ? [help] : (await Promise.all(help.commands.map(readCommands))).flat();
}

async function readHelp(words) {
  const { stdout } = await run(process.execPath, [program, ...words, '--help'], {
    env: { PATH: process.env.PATH, NO_COLOR: '1', LC_ALL: 'C.UTF-8', DARKROOM_CONFIG: '/dev/null' },
  });
  const [usage, ...rest] = stdout.trimEnd().split('\n');
  const firstSection = rest.findIndex(isTitle);
  const sections = readSections(rest.slice(firstSection));
  return {
    usage,
    description: rest.slice(0, firstSection).join(' ').trim(),
    sections,
    commands: sections.get('Commands') ?? [],
  };
}

function isTitle(line) {
  return /^\S.*:$/.test(line);
}

/** Entries by title. */
function readSections(lines) {
  const sections = new Map();
  let title = '';
  for (const line of lines.filter((text) => text.trim() !== '')) {
    if (isTitle(line)) {
      title = line.slice(0, -1);
      sections.set(title, []);
    } else addLine(sections.get(title), line, title);
  }
  return sections;
}

/** A line that is indented further goes on with the text above; a command line that was broken goes on where it began. */
function addLine(all, line, title) {
  const [, term, text = ''] = /^ {2}(\S.*?)(?: {2,}(\S.*))?$/.exec(line) ?? [line, '', line];
  const last = all.at(-1);
  const isBroken = ['Commands', 'Examples'].includes(title) && !term.startsWith('darkroom ');
  if (last === undefined || !(term === '' || isBroken)) all.push({ term, text: tidy(text) });
  else all.splice(-1, 1, { term: tidy(`${last.term} ${term}`), text: tidy(`${last.text} ${text}`) });
}

function tidy(text) {
  return text.replaceAll(/\s+/g, ' ').trim();
}

/** `darkroom image show <image>` is `image show`. */
function wordsOf(usage) {
  const words = usage.split(' ').slice(1);
  const end = words.findIndex((word) => !/^[a-z]/.test(word));
  return end === -1 ? words : words.slice(0, end);
}

function renderCommand({ usage, description, sections }) {
  const own = [...sections].filter(([title]) => !SHOWN_ONCE.includes(title));
  return [
    `.SS ${roff(usage)}`,
    roff(description),
    ...own.flatMap(([title, all]) => (title === 'Examples' ? examples(all) : entries(all.filter(isOwn)))),
  ];
}

function isOwn({ term }) {
  return !SHOWN_ONCE_OPTIONS.includes(term);
}

function entries(all) {
  return all.flatMap(({ term, text }) => ['.TP', `.B ${roff(term)}`, roff(text)]);
}

function examples(all) {
  return all.flatMap(({ term, text }) => ['.IP', `$ ${roff(term)}`, '.br', roff(text)]);
}

function section(title, lines) {
  return [`.SH ${title}`, ...lines];
}

/** Text as roff takes it: no command of its own at the start of a line. */
function roff(text) {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/, '\\&');
}
