/** A face's screens: which one an address names, and the file that it comes in. */
import type { Component } from 'svelte';
import { fetchEarly } from './updates';

/** Most screens come in a file of their own a moment later; what a face opens with is in the face's. */
export type Source<Props extends object> =
  { screen: Component<Props> } | { load: () => Promise<{ default: Component<Props> }> };

/** A row of a face's table of screens, one for each of its paths. */
export type Route<Name extends string, Props extends object> = Source<Props> & {
  title: () => string;
  /** The screen to which its way back leads. */
  parent?: Name;
  /** The screen whose item of the bar is the current one. */
  nav?: Name;
};

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The path that an address follows, and the id in the place of its `:id`. */
export function matchPath<Name extends string>(
  paths: Readonly<Record<Name, string>>,
  address: string,
): { name: Name; id: string | undefined } | undefined {
  const parts = address.replace(/\/+$/, '').split('/');
  for (const name of Object.keys(paths) as Name[]) {
    const wanted = paths[name].split('/');
    const isIt = wanted.every((part, at) => (part === ':id' ? ID.test(parts[at] ?? '') : part === parts[at]));
    if (isIt && wanted.length === parts.length) return { name, id: parts[wanted.indexOf(':id')] };
  }
  return undefined;
}

/** Asks for the files of screens that may be wanted. */
export function fetchScreens(sources: readonly Source<never>[]): void {
  for (const source of sources) if ('load' in source) void fetchEarly(source.load);
}
