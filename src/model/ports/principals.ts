import type { Role } from '../access.ts';

/** Somebody who may speak to the agent of this host. */
export interface Principal {
  readonly name: string;
  readonly role: Role;
  readonly createdAt: string;
  /** Has a bearer token; without one it is known by the common name of its client certificate alone. */
  readonly hasToken: boolean;
}

/** Principals of one host. Tokens are kept as the SHA-256 of their 256 random bits, in lower-case hex. */
export interface Principals {
  /** By name. */
  list(): Promise<readonly Principal[]>;
  /** null when there is none. */
  find(name: string): Promise<Principal | null>;
  findByTokenHash(tokenHash: string): Promise<Principal | null>;
  /** NAME_TAKEN when there is one of that name. */
  add(principal: Principal, tokenHash: string | null): Promise<void>;
  /** A new token makes the old one worthless. PRINCIPAL_NOT_FOUND. */
  setTokenHash(name: string, tokenHash: string): Promise<void>;
  /** PRINCIPAL_NOT_FOUND. */
  remove(name: string): Promise<void>;
}
