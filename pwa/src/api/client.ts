/**
 * The typed client of the server, and the one place where a failed request becomes an `ApiProblem`.
 * Every request also tells `contact` whether the server was reached: `navigator.onLine` lies.
 */
import createClient from 'openapi-fetch';
import { contact } from './contact';
import { standIn } from './portal';
import { ApiProblem, isLeft, problemFrom } from './problem';
import type { paths } from './schema.gen';

const REQUEST_TIMEOUT_MILLIS = 20_000;

/** `fetch` that gives up in time and reports contact; for what is read by a schema of its own. */
export async function reach(input: Request | string, init: RequestInit = {}): Promise<Response> {
  const timeout = AbortSignal.timeout(REQUEST_TIMEOUT_MILLIS);
  const given = init.signal ?? (input instanceof Request ? input.signal : undefined);
  const signal = given ? eitherOf(given, timeout) : timeout;
  // By the caller's own signal: what a browser calls the end of a time limit tells nothing of who wanted it.
  const lost = (cause: unknown): never => {
    if (given?.aborted) throw cause;
    contact.report(false);
    throw new ApiProblem({ code: 'network', status: 0, cause });
  };
  const response = await fetch(input, { ...init, signal }).catch(lost);
  const code = standIn(response);
  if (code !== undefined) {
    contact.report(false);
    throw new ApiProblem({ code, status: code === 'portal' ? 0 : response.status });
  }
  const whole = await readWhole(response).catch(lost);
  contact.report(true);
  return whole;
}

/** An answer whose body is here: one that stalls is lost like one that never began. */
async function readWhole(response: Response): Promise<Response> {
  const body = await response.arrayBuffer();
  const { status, statusText, headers } = response;
  return new Response(body.byteLength > 0 ? body : null, { status, statusText, headers });
}

/** Aborts as soon as one of the two does; `AbortSignal.any` is younger than the oldest browsers that are promised. */
function eitherOf(...signals: AbortSignal[]): AbortSignal {
  const either = new AbortController();
  for (const signal of signals) {
    const abort = () => either.abort(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true, signal: either.signal });
  }
  return either.signal;
}

export const api = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? '',
  fetch: (request) => reach(request),
  credentials: 'same-origin',
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The answer's body, or an ApiProblem thrown. */
export async function answerOf<T>(pending: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await pending.catch(unread);
  if (!response.ok) throw problemFrom(response.status, error);
  return data as T;
}

/** The connection may break in the midst of an answer: to a person that is no defect of ours. */
export function unread(cause: unknown): never {
  if (cause instanceof ApiProblem || isLeft(cause)) throw cause;
  contact.report(false);
  throw new ApiProblem({ code: 'network', status: 0, cause });
}
