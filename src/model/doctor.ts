/** One line of `darkroom doctor`. */
export interface DoctorCheck {
  /** Stable, such as `libvirt.version`, `kvm.usable`, `leftover.overlay`. */
  readonly id: string;
  readonly status: 'ok' | 'warning' | 'error';
  /** What was looked at and what was seen. */
  readonly message: string;
  /** What to do; null when nothing is to be done. */
  readonly remedy: string | null;
  /** `--repair` mended it in this run. */
  readonly isRepaired: boolean;
}

export interface DoctorReport {
  readonly checks: readonly DoctorCheck[];
  readonly isHealthy: boolean;
}
