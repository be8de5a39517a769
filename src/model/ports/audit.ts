/** One wish to change something, and what became of it. Kept whether it was granted or not. */
export interface AuditEvent {
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly principal: string;
  /** Method and route, such as `POST /v1/images`. */
  readonly action: string;
  /** What the route names, such as an instance or image; null where it names nothing. */
  readonly target: string | null;
  readonly httpStatus: number;
  /** Code of the refusal; null when it was granted. */
  readonly errorCode: string | null;
  readonly operationId: string | null;
}

/** The newest 10,000 events of this host. */
export interface AuditTrail {
  append(event: AuditEvent): Promise<void>;
  /** Newest first. */
  list(filter: { readonly limit: number; readonly principal?: string }): Promise<readonly AuditEvent[]>;
}
