/* The shape that `npm run api` writes from the server's openapi.json. */

export interface components {
  schemas: {
    Balance: {
      availableKopecks: number;
      pendingKopecks: number;
      debtKopecks: number;
      heldKopecks: number;
    };
    Consent: { kind: string; textVersion: string; givenAt: number };
    MemberProfile: {
      memberId: string;
      number: string;
      fullName: string;
      shortName: string;
      category: number;
      organisationName: string;
      unionName: string;
      joinedOn: string;
      status: string;
      consents: components['schemas']['Consent'][];
      card: components['schemas']['IssuedCard'];
      balance: components['schemas']['Balance'];
      serverTime: number;
    };
    IssuedCard: { cardHex: string; issuedAt: number; expiresAt: number };
    ActivationCheck: { code: string; birthDate: string };
    ActivationChallenge: {
      challenge: string;
      firstName: string;
      organisationName: string;
      replacesPhone: boolean;
    };
    Enrolment: {
      challenge: string;
      publicKey: string;
      signature: string;
      consents: { kind: string; textVersion: string }[];
    };
    ConsentChange: { kind: string; given: boolean; textVersion: string };
    ServerTime: { unixSeconds: number; unixMillis: number };
  };
}

type Schemas = components['schemas'];
type Json<T> = { content: { 'application/json': T } };
type Operation<Body, Status extends number, Answer> = {
  parameters: { query?: never; header?: never; path?: never; cookie?: never };
  requestBody: [Body] extends [never] ? never : Json<Body>;
  responses: { [S in Status]: [Answer] extends [never] ? { content?: never } : Json<Answer> } & {
    default: { content: { 'application/problem+json': unknown } };
  };
};
type Get<Answer> = { get: Operation<never, 200, Answer> };
type Post<Body, Status extends number, Answer> = { post: Operation<Body, Status, Answer> };

export interface paths {
  '/api/time': Get<Schemas['ServerTime']>;
  '/api/activation/check': Post<Schemas['ActivationCheck'], 200, Schemas['ActivationChallenge']>;
  '/api/activation/enrol': Post<Schemas['Enrolment'], 201, Schemas['MemberProfile']>;
  '/api/member/profile': Get<Schemas['MemberProfile']>;
  '/api/member/card': Post<Record<string, never>, 200, Schemas['IssuedCard']>;
  '/api/member/consents': Post<Schemas['ConsentChange'], 200, Schemas['MemberProfile']>;
  '/api/member/session': { delete: Operation<never, 204, never> };
}
