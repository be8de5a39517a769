interface Identified {
  readonly id: string;
}

export function compareById(left: Identified, right: Identified): number {
  return left.id < right.id ? -1 : 1;
}
