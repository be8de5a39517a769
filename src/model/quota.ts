/** Of images or of snapshots. Bytes are those of their files. */
export interface QuotaUse {
  readonly count: number;
  readonly bytes: number;
  /** null: no limit. */
  readonly maxCount: number | null;
  readonly maxBytes: number | null;
}

export interface QuotaReport {
  /** null: the host. */
  readonly owner: string | null;
  readonly images: QuotaUse;
  readonly snapshots: QuotaUse;
}
