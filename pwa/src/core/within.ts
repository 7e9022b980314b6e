/** For what a browser may never answer: a store, a permission, a lock. */

export class TookTooLong extends Error {
  constructor(what: string) {
    super(`${what}: no answer`);
    this.name = 'TookTooLong';
  }
}

/** The promise's own end, or `TookTooLong`. What answers later than that is heard by nobody. */
export function within<T>(millis: number, what: string, promise: Promise<T>): Promise<T> {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new TookTooLong(what)), millis);
    promise.then(done, fail).finally(() => clearTimeout(timer));
  });
}
