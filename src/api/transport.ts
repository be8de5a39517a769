export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With its query, already encoded. */
  readonly path: string;
  /** Beside those that every request has. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; absent: no body. */
  readonly body?: unknown;
  /** A GET whose answer may take as long as it needs. */
  readonly isSlow?: true;
}

export interface ApiResponse {
  readonly status: number;
  /** The body as it arrives; an event stream goes on as long as there is something to tell, or until its reader stops. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** One way to reach an application that speaks the API. Throws AGENT_UNREACHABLE when nobody answers. */
export interface Transport {
  send(request: ApiRequest): Promise<ApiResponse>;
}
