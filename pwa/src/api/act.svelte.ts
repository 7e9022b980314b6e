/** What a person does with a button, from the press to the answer: a form that is sent, a choice that is confirmed. */
import type { FieldFault } from './codes';
import { asProblem, isLeft, type ApiProblem } from './problem';

/** What is wrong with which field: the code of the fault, or a screen's own words for it. */
export type FieldFaults<Field extends string, Fault extends string = FieldFault> = {
  [Name in Field]?: Fault | undefined;
};

export interface Act<Field extends string = never, Fault extends string = FieldFault> {
  readonly isBusy: boolean;
  /** The reason why it was not done, where that is no field's fault. */
  readonly problem: ApiProblem | undefined;
  readonly fields: FieldFaults<Field, Fault>;
  /**
   * Does the work, unless it is being done. Its key stays the same for the same content until that is done, so that the server does
   * once what was sent twice; other content comes under a key of its own. Answers what went wrong.
   */
  run: (work: (key: string) => Promise<void>, content?: unknown) => Promise<ApiProblem | undefined>;
  /** Sets the faults that the form itself has found, before anything is sent. */
  refuse: (faults: FieldFaults<Field, Fault>) => void;
  /** Removes the fault of a field into which somebody types. */
  mend: (field: Field) => void;
  /** Forgets what was tried, as when a dialog opens anew. */
  reset: () => void;
}

/** `faultsOf` says which fields a refusal is about; whatever it cannot place is the act's own problem. */
export function createAct<Field extends string = never, Fault extends string = FieldFault>(
  faultsOf: (problem: ApiProblem) => FieldFaults<Field, Fault> | undefined = () => undefined,
): Act<Field, Fault> {
  let isBusy = $state(false);
  let problem = $state.raw<ApiProblem | undefined>();
  let fields = $state.raw<FieldFaults<Field, Fault>>({});
  let tried: { content: string | undefined; key: string } | undefined;

  function keyOf(content: unknown): string {
    const written = JSON.stringify(content) as string | undefined;
    if (!tried || tried.content !== written) tried = { content: written, key: crypto.randomUUID() };
    return tried.key;
  }

  function refuse(faults: FieldFaults<Field, Fault>): void {
    fields = faults;
    problem = undefined;
  }

  return {
    get isBusy() {
      return isBusy;
    },
    get problem() {
      return problem;
    },
    get fields() {
      return fields;
    },
    async run(work, content) {
      if (isBusy) return undefined;
      isBusy = true;
      refuse({});
      try {
        await work(keyOf(content));
        tried = undefined;
        return undefined;
      } catch (cause) {
        if (isLeft(cause)) return undefined;
        const failed = asProblem(cause);
        const faults = faultsOf(failed);
        if (faults) fields = faults;
        else problem = failed;
        return failed;
      } finally {
        isBusy = false;
      }
    },
    refuse,
    mend(field) {
      if (fields[field] !== undefined) fields = { ...fields, [field]: undefined };
    },
    reset() {
      refuse({});
      tried = undefined;
    },
  };
}
