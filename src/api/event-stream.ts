export interface NamedEvent {
  readonly name: string;
  readonly data: string;
  /** Of this event or the last one before it that had any. */
  readonly lastEventId: string | null;
}

/** One event of the `text/event-stream` format (WHATWG HTML, 9.2.6), with its data as one line of JSON. */
export function encodeEvent(name: string, data: unknown, id?: string): string {
  return `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;
}

/** Yields the data of every event of a stream; comments, names and ids of events are left out. */
export async function* decodeEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  for await (const { data } of decodeNamedEvents(body)) yield data;
}

/** Yields every event of a stream; comments are left out. */
export async function* decodeNamedEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<NamedEvent> {
  let name = '';
  let data: string[] = [];
  let lastEventId: string | null = null;
  for await (const line of splitLines(body)) {
    const { field, value } = splitField(line);
    if (field === 'event') name = value;
    if (field === 'id') lastEventId = value;
    if (field === 'data') data.push(value);
    if (line !== '') continue;
    if (data.length > 0) yield { name: name === '' ? 'message' : name, data: data.join('\n'), lastEventId };
    name = '';
    data = [];
  }
}

/** A line that begins with a colon is a comment: its field has no name. */
function splitField(line: string): { readonly field: string; readonly value: string } {
  const [field = '', value = ''] = line.split(/:(.*)/s);
  return { field, value: value.replace(/^ /, '') };
}

/** An unfinished last line is dropped, as the format wants: its event never came. */
async function* splitLines(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of body) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split(/\r?\n/);
    rest = lines.pop() ?? '';
    yield* lines;
  }
}
