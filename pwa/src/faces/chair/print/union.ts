/** The union as the server's settings name it; kept by the service worker with the app itself. */
import * as v from 'valibot';
import { reach } from '../../../api/client';
import { problemFrom } from '../../../api/problem';

const ShellShape = v.object({ union: v.object({ name: v.string(), shortName: v.string() }) });

export type Union = v.InferOutput<typeof ShellShape>['union'];

export async function readUnion(): Promise<Union> {
  const response = await reach('/shell.json');
  if (!response.ok) throw problemFrom(response.status, undefined);
  return v.parse(ShellShape, await response.json()).union;
}
