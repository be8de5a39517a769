import type { HypervisorEvent } from '../../model/ports/hypervisor.ts';

type Listener = (event: HypervisorEvent) => void;
type Log = (fields: Readonly<Record<string, unknown>>, message: string) => void;

export class EventSource {
  readonly uri: string;
  readonly log: Log;
  constructor(uri: string, log: Log) {
    this.uri = uri;
    this.log = log;
  }
  subscribe(_listener: Listener): () => void {
    return () => {};
  }
  close(): void {}
}
