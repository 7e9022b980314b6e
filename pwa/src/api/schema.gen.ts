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
    SignIn: { login: string; password: string };
    StaffSession: {
      accountId: string;
      displayName: string;
      mandates: components['schemas']['Mandate'][];
      serverTime: number;
    };
    Mandate: { organisationId: number; organisationName: string; role: string };
    Organisation: {
      id: number;
      name: string;
      shortName: string;
      kind: string;
      parentId?: number | null;
      parentName?: string | null;
      counts: components['schemas']['Counts'];
      children: components['schemas']['Child'][];
    };
    Counts: {
      members: number;
      working: number;
      students: number;
      pensioners: number;
      withPhoneCard: number;
      withoutCard: number;
      joinedThisMonth: number;
      withoutConsent: number;
    };
    Child: { id: number; name: string; kind: string; members: number };
    MemberSummary: {
      id: string;
      lastName: string;
      firstName: string;
      middleName?: string | null;
      number: string;
      category: number;
      position?: string | null;
      organisationId: number;
      organisationName: string;
      card: string;
      processingConsent: boolean;
    };
    MemberPage: {
      items: components['schemas']['MemberSummary'][];
      nextCursor?: string | null;
      total: number;
    };
    MemberDetail: components['schemas']['MemberSummary'] & {
      sex: string;
      birthDate: string;
      phone?: string | null;
      email?: string | null;
      joinedOn: string;
      status: string;
      consents: components['schemas']['MemberConsent'][];
      cards: components['schemas']['MemberCard'][];
      activation?: components['schemas']['Activation'] | null;
    };
    MemberConsent: { kind: string; givenAt: number; channel: string };
    MemberCard: { id: string; class: string; issuedAt: number; expiresAt: number; state: string };
    Activation: { expiresAt: number; used: boolean };
    NewMember: {
      lastName: string;
      firstName: string;
      middleName?: string | null;
      sex: string;
      birthDate: string;
      phone?: string | null;
      email?: string | null;
      category: number;
      position?: string | null;
      joinedOn: string;
      processingConsentOn?: string | null;
    };
    ActivationSheet: {
      code: string;
      expiresAt: number;
      fullName: string;
      number: string;
      organisationName: string;
      activationPath: string;
      paperToken: string;
    };
    Revocation: { reason: string };
  };
}

type Schemas = components['schemas'];
type Json<T> = { content: { 'application/json': T } };
type NoParameters = { query?: never; header?: never; path?: never; cookie?: never };
type Operation<Body, Status extends number, Answer, Parameters = NoParameters> = {
  parameters: Parameters;
  responses: { [S in Status]: [Answer] extends [never] ? { content?: never } : Json<Answer> } & {
    default: { content: { 'application/problem+json': unknown } };
  };
} & ([Body] extends [never] ? { requestBody?: never } : { requestBody: Json<Body> });
type Get<Answer> = { get: Operation<never, 200, Answer> };
type Post<Body, Status extends number, Answer> = { post: Operation<Body, Status, Answer> };
type By<Id> = { query?: never; header?: never; path: { id: Id }; cookie?: never };
type Once<Id> = Omit<By<Id>, 'header'> & { header: { 'idempotency-key': string } };
type ListOf<Id> = Omit<By<Id>, 'query'> & {
  query?: { query?: string; filter?: string; cursor?: string; limit?: number };
};

export interface paths {
  '/api/time': Get<Schemas['ServerTime']>;
  '/api/activation/check': Post<Schemas['ActivationCheck'], 200, Schemas['ActivationChallenge']>;
  '/api/activation/enrol': Post<Schemas['Enrolment'], 201, Schemas['MemberProfile']>;
  '/api/member/profile': Get<Schemas['MemberProfile']>;
  '/api/member/card': Post<Record<string, never>, 200, Schemas['IssuedCard']>;
  '/api/member/consents': Post<Schemas['ConsentChange'], 200, Schemas['MemberProfile']>;
  '/api/member/session': { delete: Operation<never, 204, never> };
  '/api/staff/session': Get<Schemas['StaffSession']> &
    Post<Schemas['SignIn'], 200, Schemas['StaffSession']> & {
      delete: Operation<never, 204, never>;
    };
  '/api/staff/organisations/{id}': {
    get: Operation<never, 200, Schemas['Organisation'], By<number>>;
  };
  '/api/staff/organisations/{id}/members': {
    get: Operation<never, 200, Schemas['MemberPage'], ListOf<number>>;
    post: Operation<Schemas['NewMember'], 201, Schemas['MemberDetail'], Once<number>>;
  };
  '/api/staff/members/{id}': {
    get: Operation<never, 200, Schemas['MemberDetail'], By<string>>;
  };
  '/api/staff/members/{id}/activation': {
    post: Operation<Record<string, never>, 200, Schemas['ActivationSheet'], Once<string>>;
  };
  '/api/staff/members/{id}/cards/revoke': {
    post: Operation<Schemas['Revocation'], 200, Schemas['MemberDetail'], Once<string>>;
  };
}
