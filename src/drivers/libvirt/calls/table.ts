import type { Pointer } from '../binding/library.ts';
import { agentCalls } from './agent-calls.ts';
import { backupCalls } from './backup-calls.ts';
import { blockCalls } from './block-calls.ts';
import { checkpointCalls } from './checkpoint-calls.ts';
import { domainCalls } from './domain-calls.ts';
import { hostCalls } from './host-calls.ts';
import { networkCalls } from './network-calls.ts';
import { powerCalls } from './power-calls.ts';

/** Everything that a call thread can be asked for; the other threads import only its type. */
export const CALLS = {
  ...hostCalls,
  ...domainCalls,
  ...powerCalls,
  ...agentCalls,
  ...blockCalls,
  ...checkpointCalls,
  ...backupCalls,
  ...networkCalls,
};

export type Calls = typeof CALLS;
export type CallName = keyof Calls;

type ArgsOf<F> = F extends (connection: Pointer, args: infer A) => unknown
  ? unknown extends A
    ? undefined
    : A
  : never;

/** What a call is given (undefined where it takes nothing), and what it answers. */
export type CallArgs<N extends CallName> = ArgsOf<Calls[N]>;
export type CallResult<N extends CallName> = ReturnType<Calls[N]>;
