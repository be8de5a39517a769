export type Given<Values> = { readonly [Key in keyof Values]?: Exclude<Values[Key], undefined> };

/** Options that were given on the command line, without those that were not. */
export function pickGiven<Values extends object>(values: Values): Given<Values>;
export function pickGiven(values: object): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}
