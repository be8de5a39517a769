import { describe, expect, it } from 'vitest';
import { listAncestry } from '../../../../src/model/snapshot/lineage.ts';
import { type DeleteStep, planDelete } from '../../../../src/model/snapshot/plan-delete.ts';
import type { SnapshotRecord } from '../../../../src/model/snapshot/snapshot.ts';
import { createDice } from './dice.ts';

type Node = Pick<SnapshotRecord, 'id' | 'parent' | 'isDeleted' | 'users'>;

const USER = { host: 'h', path: '/v.qcow2', since: '2026-01-01T00:00:00.000Z' };

/** `b<a` stands on a; `!` is deleted already, `+` has a thin volume on it. */
function tree(words: string): readonly Node[] {
  return words.split(' ').map((word) => {
    const [id = '', parent = null] = word.replace(/[!+]/g, '').split('<');
    return { id, parent, isDeleted: word.includes('!'), users: word.includes('+') ? [USER] : [] };
  });
}

/** `a>b`: merge a into b; `-a`: remove a. */
function describeSteps(steps: readonly DeleteStep[]): string {
  return steps.map((step) => (step.kind === 'merge' ? `${step.from}>${step.into}` : `-${step.id}`)).join(' ');
}

describe('planDelete', () => {
  it.each([
    ['the only snapshot goes', 'a', 'a', '-a', false],
    ['the last of a chain goes', 'a b<a', 'b', '-b', false],
    ['the first of a chain goes into the next', 'a b<a c<b', 'a', 'a>b', false],
    ['one in the middle goes into the next', 'a b<a c<b', 'b', 'b>c', false],
    ['one with two children stays, hidden', 'a b<a c<a', 'a', '', true],
    ['what was hidden goes into the last of its children', 'a! b<a c<a', 'b', '-b a>c', false],
    ['what was hidden goes with the last of its children', 'a! b<a', 'b', '-b -a', false],
    ['a hidden line goes as a whole', 'a! b!<a c<b d<b', 'c', '-c a>b b>d', false],
    ['what goes with a child goes into no other', 'a! b!<a c<b', 'c', '-c -b -a', false],
    ['the lower is merged first', 'c<b b!<a a! d<c', 'c', 'a>b b>c c>d', false],
    ['a hidden one with two children takes a hidden one over', 'a b!<a c<b d<b', 'a', 'a>b', false],
    ['one with a thin volume stays, hidden', 'a b<a+', 'b', '', true],
    ['one below a thin volume stays, hidden', 'a b<a c<b+', 'a', '', true],
    ['one above a thin volume goes', 'a+ b<a', 'b', '-b', false],
    ['a thin volume on another branch holds nothing up', 'a b<a+ c<a d<c', 'c', 'c>d', false],
    ['others that could not go until now go too', 'a! b<a c', 'c', '-c a>b', false],
    ['a parent that is missing is none', 'b<a c<b', 'b', 'b>c', false],
    ['one that is not there changes nothing', 'a b<a', 'x', '', false],
    ['records that go round in circles are left alone', 'a!<b b!<a c', 'a', '', true],
    ['a record that stands on itself is left alone', 'a<a', 'a', '', true],
  ])('%s', (_, words, id, steps, hidden) => {
    const plan = planDelete(tree(words), id);
    expect({ steps: describeSteps(plan.steps), hidden: plan.hidden }).toEqual({ steps, hidden });
  });
});

describe('any deletes in any tree', () => {
  it('leave every other snapshot what it was, and no deleted one that could have gone', () => {
    const { below } = createDice(20_261_121);
    for (let round = 0; round < 300; round += 1) {
      const files = growTree(below);
      const contents = new Map([...files.keys()].map((id) => [id, contentOf(files, id)]));
      for (let deletes = below(files.size); deletes >= 0; deletes -= 1) {
        const id = [...files.keys()][below(files.size)] ?? '';
        const plan = planDelete([...files.values()], id);
        hide(files, id);
        for (const step of plan.steps) {
          apply(files, step);
          for (const left of files.keys()) expect(contentOf(files, left)).toEqual(contents.get(left));
        }
        expect(files.has(id)).toBe(plan.hidden);
        expectNothingIdle(files);
      }
    }
  });
});

interface File extends Node {
  readonly clusters: ReadonlyMap<number, number>;
}

function growTree(below: (end: number) => number): Map<string, File> {
  const files = new Map<string, File>();
  for (let index = 0; index < 2 + below(9); index += 1) {
    const parent = below(6) === 0 ? null : ([...files.keys()][below(files.size)] ?? null);
    const clusters = new Map(Array.from({ length: below(5) }, () => [below(8), index * 100 + below(100)]));
    const users = below(8) === 0 ? [USER] : [];
    files.set(`s${index}`, { id: `s${index}`, parent, isDeleted: false, users, clusters });
  }
  return files;
}

function contentOf(files: ReadonlyMap<string, File>, id: string): ReadonlyMap<number, number> {
  const fromBelow = [...listAncestry([...files.values()], id)].reverse();
  return new Map(fromBelow.flatMap(({ clusters }) => [...clusters]));
}

function hide(files: Map<string, File>, id: string): void {
  const file = files.get(id);
  if (file !== undefined) files.set(id, { ...file, isDeleted: true });
}

function apply(files: Map<string, File>, step: DeleteStep): void {
  if (step.kind === 'remove') {
    expect([...files.values()].filter(({ parent }) => parent === step.id)).toEqual([]);
    expect(files.get(step.id)).toMatchObject({ isDeleted: true, users: [] });
    files.delete(step.id);
    return;
  }
  const [from, into] = [files.get(step.from), files.get(step.into)];
  if (from === undefined || into === undefined) throw new Error('a step about what is not there');
  expect(from).toMatchObject({ isDeleted: true, users: [] });
  files.set(into.id, { ...into, parent: from.parent, clusters: new Map([...from.clusters, ...into.clusters]) });
  files.delete(from.id);
}

function expectNothingIdle(files: ReadonlyMap<string, File>): void {
  const all = [...files.values()];
  for (const { id } of all.filter(({ isDeleted }) => isDeleted)) {
    const isUsed = all.some((user) => user.users.length > 0 && listAncestry(all, user.id).some((low) => low.id === id));
    const children = all.filter(({ parent }) => parent === id);
    expect(isUsed || children.length > 1, `${id} could go`).toBe(true);
  }
}
